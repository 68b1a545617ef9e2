package runbook

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rowlock/rowlock/test/process"
)

// guides are the pages of docs/guides whose blocks of commands, those that begin with ```sh, are executed as they stand, from top to
// bottom, against a node of their own. A command that fails ends the page. Commands that go on for ever, workers and watches,
// are started in the background and must have begun without an error.
//
// <!-- setup: … --> makes, unseen by readers, what a block speaks of. <!-- with: 000000000009D=OP --> puts what the variable OP holds
// in the place of an ID that is an example, from there on. <!-- not executed: why --> goes before a block that can't be.
var guides = []string{
	"backup", "batches", "cluster", "data-recovery", "filters", "maintenance", "operations", "operators", "point-in-time", "producers",
	"queues", "restore", "schedules", "sharing", "watch", "workers", "workflows",
}

// guidePrelude stands for what a reader has at hand: several terminals, and a yes for what asks.
const guidePrelude = `
trap 'echo "in line ${BASH_LINENO[0]} or $LINENO: $BASH_COMMAND" >&2' ERR
await() { local i; for ((i = 0; i < 300; i++)); do "$@" >await.out 2>&1 && return 0; sleep 0.1; done; cat await.out >&2; return 1; }
rowlock() {
  case "$1 $2" in
  "worker "* | "task watch") command rowlock "$@" >>"background.log" 2>&1 & ;;
  "queue purge" | "stuck reset" | "task cancel" | "backup restore" | "cluster resume") command rowlock "$@" --yes ;;
  *) command rowlock "$@" ;;
  esac
}
await sh -c 'command rowlock cluster status -o json | jq -e ".feature_level == .supported_level"'
curl() {
  case " $* " in
  *" -N "*) command curl -sS "$@" >>"background.log" 2>&1 & ;;
  *) command curl -fsS "$@" && echo ;;
  esac
}
`

var guideComment = regexp.MustCompile(`^<!--\s*(setup|with|not executed):\s*(.*)$`)

// script is a page as a script whose lines have the page's numbers.
func script(text string) (string, error) {
	const (
		prose = iota
		block
		skipped
		setup
		passed // a block of another language, or one that isn't executed
	)
	lines := strings.Split(text, "\n")
	replace := []string{}
	state := prose
	for i, line := range lines {
		lines[i] = ""
		comment := guideComment.FindStringSubmatch(line)
		switch {
		case state == setup:
			line, end := strings.CutSuffix(line, "-->")
			if lines[i] = line; end {
				state = prose
			}
		case state == block && line == "```", state == passed && line == "```":
			state = prose
		case state == block:
			lines[i] = strings.NewReplacer(replace...).Replace(line)
		case state == passed:
		case comment != nil:
			content, end := strings.CutSuffix(comment[2], "-->")
			switch comment[1] {
			case "with":
				from, to, ok := strings.Cut(strings.TrimSpace(content), "=")
				if !ok || !end {
					return "", fmt.Errorf("line %d: want <!-- with: EXAMPLE=VARIABLE -->", i+1)
				}
				replace = append(replace, from, "$"+to)
			case "not executed":
				state = skipped
			default:
				if lines[i] = content; !end {
					state = setup
				}
			}
		case line == "```sh" && state == prose:
			state = block
		case strings.HasPrefix(line, "```"):
			state = passed
		}
	}
	if state != prose {
		return "", fmt.Errorf("a block or a comment has no end")
	}
	return strings.Join(lines, "\n"), nil
}

// TestGuides does what the guides say.
func TestGuides(t *testing.T) {
	for _, name := range guides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follow(t, name)
		})
	}
}

// installation puts the node in the place of the names and paths that the pages speak of. A directory that a restore makes is new.
func installation(dir string, node *process.Node) *strings.Replacer {
	return strings.NewReplacer(
		"localhost:7302", node.HTTP, "127.0.0.1:7302", node.HTTP,
		"rowlock-0:7300", node.API, "--addr n1.example.com", "--addr "+node.API, "--addr n2.example.com", "--addr "+node.API,
		"s3://backups/prod", filepath.Join(dir, "backups"), "s3://backups/rowlock", filepath.Join(dir, "backups"),
		"/var/backups/rowlock", filepath.Join(dir, "saved"), "/backup/rowlock", filepath.Join(dir, "saved"),
		"--data-dir /var/lib/rowlock --node-id n1", "--data-dir "+filepath.Join(dir, "new")+" --node-id n1",
		"/var/lib/rowlock", filepath.Join(dir, "data"), "/mnt/", filepath.Join(dir, "mnt")+"/",
	)
}

func follow(t *testing.T, name string) {
	t.Helper()
	text := read(t, filepath.Join("..", "..", "docs", "guides", name+".md"))
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	args := []string{"server", "--data-dir", filepath.Join(dir, "data"), "--node-id", "rowlock-1", "--bootstrap-expect", "1"}
	if name == "restore" || name == "point-in-time" {
		args = append(args, "--archive-to", filepath.Join(dir, "backups"), "--archive-every", "1s")
	}
	node, err := process.StartNode(ctx, binary, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", node.Stderr)
		}
	})
	commands, err := script(installation(dir, node).Replace(text))
	if err != nil {
		t.Fatalf("%s.md: %v", name, err)
	}
	docs, err := filepath.Abs(filepath.Join("..", "..", "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{"prelude": guidePrelude, "page": "set -eE -o pipefail; source ./prelude; " + commands} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(docs, filepath.Join(dir, "docs")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "bash", "./page")
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // workers and watches end with the page
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "HOME="+dir, "ROWLOCK_ADDR="+node.API)
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Errorf("%s.md: %v\n%s", name, err, read(t, filepath.Join(dir, "out")))
	}
	said, err := os.ReadFile(filepath.Join(dir, "background.log"))
	if err == nil && strings.Contains(string(said), "rowlock: ") {
		t.Errorf("%s.md: what runs in the background said:\n%s", name, said)
	}
}
