package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) stuckResetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset [ID…]",
		Short: "Take running tasks from their workers; they go back to their queue and no attempt is burnt",
		Long: `Take running tasks from their workers; they go back to their queue and no attempt is burnt.

Without IDs these are all running tasks that showed no progress for --older-than. A worker that is still busy with
such a task is told to stop, and its outcome is refused.`,
		Example: "  rowlock stuck reset --older-than 30m --yes\n  rowlock stuck reset 000000000001A --yes",
		Args:    args(0, -1),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	var stuck stuckFlags
	stuck.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request, err := stuck.request()
		if err != nil {
			return err
		}
		if len(args) > 0 {
			ids, err := p.taskIDs(args)
			if err != nil {
				return err
			}
			if err := confirm.ask(true, "reset %s", render.Count(len(ids), "task")); err != nil {
				return err
			}
			return connect.run(cmd, func(ctx context.Context, c *connection) error { return c.reset(0).run(ctx, out, ids) })
		}
		if err := confirm.ask(true, "reset all running tasks without progress for %s", stuck.olderThan); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			done, err := p.sweep(ctx, c, request, c.reset(stuck.olderThan), -1)
			if err != nil {
				return err
			}
			return p.printCount(out, "reset", done)
		})
	}
	return cmd
}

// reset is the call behind the command. With olderThan a task that has shown progress since it was listed, or runs anew, stays
// with its worker.
func (c *connection) reset(olderThan time.Duration) bulk {
	return bulk{done: "reset", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.ResetTasks(ctx, &rowlockv1.ResetTasksRequest{Ids: ids, RequestId: requestID, OlderThanSeconds: olderThan.Seconds()})
		return answer.GetResults(), err
	}}
}
