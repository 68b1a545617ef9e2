package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// quickStart is the block of the README that a newcomer types.
var quickStart = regexp.MustCompile("(?s)```sh\n(bin/rowlock dev\n.*?)```")

// TestQuickStart does what the README says.
func TestQuickStart(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	match := quickStart.FindSubmatch(readme)
	if match == nil {
		t.Fatal("the README has no quick start")
	}
	lines := strings.Split(strings.TrimSpace(string(match[1])), "\n")
	if len(lines) != 3 {
		t.Fatalf("the quick start has %d lines, want 3", len(lines))
	}
	for i := range lines {
		lines[i] = "exec " + strings.Replace(lines[i], "bin/rowlock", binary, 1)
	}
	n, err := process.StartNode(limited(t), "/bin/sh", nil, "-c", lines[0]+` "$@"`, "sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, n.Process) })
	env := []string{"ROWLOCK_ADDR=" + n.API}
	worker, err := process.Start("/bin/sh", process.Options{Args: []string{"-c", lines[1]}, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, worker) })
	code, stdout, stderr, err := process.Run(limited(t), "/bin/sh", process.Options{Args: []string{"-c", lines[2]}, Env: env})
	if err != nil || code != 0 || !strings.Contains(stdout, "ADA") {
		t.Errorf("exit code %d, error %v, stdout %q, stderr %q", code, err, stdout, stderr)
	}
	stop(t, worker)
	stop(t, n.Process)
}
