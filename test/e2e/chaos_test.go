package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// TestChaos does a few steps of `make chaos`: a kill -9, and a restore into the group under load.
func TestChaos(t *testing.T) {
	chaos := filepath.Join(t.TempDir(), "chaos")
	if out, err := exec.CommandContext(limited(t), "go", "build", "-o", chaos, "../chaos").CombinedOutput(); err != nil {
		t.Fatalf("build chaos: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience) // its own bounds are within
	defer cancel()
	code, stdout, stderr, err := process.Run(ctx, chaos, process.Options{Args: []string{
		"-rowlock", binary, "-dir", t.TempDir(), "-seed", "1", "-plan", "kill,restore,audit"}})
	if err != nil || code != 0 {
		t.Errorf("exit code %d, error %v, stdout:\n%s\nstderr:\n%s", code, err, stdout, stderr)
	}
}
