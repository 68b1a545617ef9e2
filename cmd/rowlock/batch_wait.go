package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchWaitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "wait ID",
		Short:   "Wait until a batch is closed and all its tasks have ended; exit code 1 unless they completed and it was closed by a call",
		Example: "  rowlock batch wait 000000000001A --timeout 1h",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	timeout := cmd.Flags().Duration("timeout", 0, "wait no longer than this (default: no limit)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *timeout < 0 {
			return usagef("--timeout %s: want 0s or more; 0s is no limit", *timeout)
		}
		id, err := batchID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return p.awaitBatch(ctx, c, out, id, *timeout) })
	}
	return cmd
}

// awaitBatch waits until a batch has ended, or for timeout unless that is 0, and prints it.
func (p *program) awaitBatch(ctx context.Context, c *connection, out *output, id string, timeout time.Duration) error {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	info, err := c.Batches().Wait(waiting, id)
	switch {
	case err != nil && ctx.Err() == nil && waiting.Err() != nil && info != nil:
		return &exitError{code: exitFailed, text: fmt.Sprintf(
			"batch %s is %s, %d of %s unfinished, after %s (--timeout)", id, info.State, info.Waiting+info.Running, render.Count(info.Total, "task"), timeout)}
	case err != nil:
		return err
	}
	answer, err := c.batches.GetBatch(ctx, &rowlockv1.GetBatchRequest{Id: id})
	if err != nil {
		return err
	}
	b := answer.GetBatch()
	switch err := p.printBatch(out, b); {
	case err != nil:
		return err
	case b.GetExpired():
		return &exitError{code: exitFailed, text: fmt.Sprintf("batch %s expired: nobody closed it, so that tasks may be missing", id)}
	case b.GetCompleted() == b.GetTotal():
		return nil
	}
	return &exitError{code: exitFailed, text: fmt.Sprintf("%d of %s of batch %s completed", b.GetCompleted(), render.Count(b.GetTotal(), "task"), id)}
}
