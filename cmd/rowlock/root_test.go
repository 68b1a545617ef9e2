package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func testProgram(env ...string) *program {
	return &program{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, env: env, now: time.Now}
}

// commands calls fn with each command of the program.
func commands(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, sub := range cmd.Commands() {
		commands(sub, fn)
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	commands(testProgram().rootCommand(), func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: no short help or no example", cmd.CommandPath())
		}
		if cmd.HasParent() && !strings.Contains(cmd.Example, cmd.CommandPath()+" ") && !strings.HasSuffix(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: its example doesn't call it: %s", cmd.CommandPath(), cmd.Example)
		}
	})
}

func TestEveryCommandOfIssueIsThere(t *testing.T) {
	root := testProgram().rootCommand()
	for _, path := range []string{
		"dev", "server", "worker", "enqueue",
		"task get", "task list", "task explain", "task cancel", "task retry", "task reschedule", "task move", "task delete", "task export", "dlq export", "backup import", "backup extract",
		"queue list", "queue get", "queue set", "queue pause", "queue resume", "queue drain", "queue purge",
		"dlq list", "dlq groups", "dlq get", "dlq retry", "dlq purge", "operation list", "operation get", "operation abort", "stuck list", "stuck reset", "workers list", "cluster status",
		"batch create", "batch get", "batch list", "batch close", "batch cancel", "batch wait", "bench", "version",
	} {
		cmd, rest, err := root.Find(strings.Fields(path))
		if err != nil || len(rest) > 0 || cmd.CommandPath() != "rowlock "+path {
			t.Errorf("%s: not there", path)
		}
	}
}

func TestSettingsComeFromFlagEnvironmentFileDefault(t *testing.T) {
	file := t.TempDir() + "/rowlock.yaml"
	write(t, file, "concurrency: 3\nname: file\npool: file\nlabels: {b: 2, a: x}\nqueues: [mail, reports=2]\ngrace_period: 3s\n")
	p := testProgram("ROWLOCK_NAME=env", "ROWLOCK_POOL=env", "ROWLOCK_EXEC=", "ROWLOCK_KIND=leak", "ROWLOCK_CONFIG="+file)
	root := p.rootCommand()
	cmd, rest, err := root.Find([]string{"worker", "--name", "flag"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	if err := p.resolveSettings(cmd); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"name": "flag", "pool": "env", "concurrency": "3", "labels": "[a=x,b=2]", "queues": "[mail,reports=2]",
		"grace-period": "3s", "exec": "", "log-level": "info", "addr": "[127.0.0.1:7300]",
	} {
		if got := cmd.Flags().Lookup(name).Value.String(); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
