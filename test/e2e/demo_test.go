package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// TestDemoCluster does a small job through three members, of which the leader is killed in the middle.
func TestDemoCluster(t *testing.T) {
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.CommandContext(limited(t), "go", "build", "-o", demo, "../demo").CombinedOutput(); err != nil {
		t.Fatalf("build the demo: %v\n%s", err, out)
	}
	code, stdout, stderr, err := process.Run(limited(t), demo, process.Options{Args: []string{"-rowlock", binary, "-members", "3", "-max", "100"}})
	if err != nil || code != 0 || !strings.Contains(stdout, "The failover took ") {
		t.Errorf("exit code %d, error %v, stdout:\n%s\nstderr:\n%s", code, err, stdout, stderr)
	}
}
