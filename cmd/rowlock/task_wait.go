package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskWaitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait ID…",
		Short: "Wait until tasks have ended, and show them with their results",
		Long: `Wait until tasks have ended: completed, cancelled or dead letters. They are shown as they stand in the command, each when it
and those before it have ended. The exit code is 1 unless all completed.`,
		Example: "  rowlock task wait 000000000001A\n  rowlock task wait --timeout 5m 000000000001A 000000000001B -o json",
		Args:    args(1, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	timeout := cmd.Flags().Duration("timeout", 0, "wait no longer than this; the tasks go on (default: no limit)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *timeout < 0 {
			return usagef("--timeout %s: want 0s or more; 0s is no limit", *timeout)
		}
		ids, err := p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return p.waitForTasks(ctx, c, out, ids, *timeout) })
	}
	return cmd
}

// waitForTasks waits for one task after the other, and prints each; several for programs are one list.
func (p *program) waitForTasks(ctx context.Context, c *connection, out *output, ids []string, timeout time.Duration) error {
	waiting, cancel := withTimeout(ctx, timeout)
	defer cancel()
	page := list(out, render.Tasks(p.now()))
	var failed error
	for _, id := range ids {
		t, err := c.ended(waiting, id)
		if err != nil {
			code, text := explain(ctx, err)
			if ctx.Err() == nil && waiting.Err() != nil {
				code, text = exitFailed, fmt.Sprintf("task %s has not ended within %s (--timeout)", id, timeout)
			}
			problem := &exitError{code: code, text: text}
			if len(ids) == 1 || out.people() {
				return problem
			}
			return errors.Join(page.Close(""), problem)
		}
		if failed == nil {
			failed = failure(t)
		}
		if len(ids) == 1 {
			return errors.Join(p.printTask(out, t), failed)
		}
		if err := page.Page(render.NewTasks([]*rowlockv1.Task{t})); err != nil {
			return err
		}
	}
	return errors.Join(page.Close("No tasks."), failed)
}

// withTimeout is ctx, for no longer than the timeout unless that is 0.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// ended waits until a task has ended, and returns it.
func (c *connection) ended(ctx context.Context, id string) (*rowlockv1.Task, error) {
	if _, err := c.Wait(ctx, id); err != nil {
		return nil, about(id, err)
	}
	answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id})
	if errors.Is(err, client.ErrNotFound) {
		return nil, fmt.Errorf("task %s has ended, and is gone since: %w", id, err)
	}
	return answer.GetTask(), err
}

// failure is the error of a task that ended without completing.
func failure(t *rowlockv1.Task) error {
	if t.GetState() == rowlockv1.Task_completed {
		return nil
	}
	return &exitError{code: exitFailed, text: fmt.Sprintf("task %s ended as %s (%s)", t.GetId(), t.GetState(), t.GetReason())}
}
