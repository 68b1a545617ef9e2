//go:build !linux

package exec

import (
	"context"
	"os/exec"
	"time"
)

// runGroup runs a command and kills it when ctx ends. Unlike on Linux, what the program starts may outlive it.
func runGroup(ctx context.Context, cmd *exec.Cmd, _ time.Duration) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // fails if it has exited, which is what we want
	defer stop()
	return cmd.Wait()
}
