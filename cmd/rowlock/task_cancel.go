package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cancel ID…",
		Short:   "End tasks that haven't finished; the worker of a running one is told",
		Example: "  rowlock task cancel 000000000001A\n  rowlock task list --queue mail -o json | jq -r .[].id | rowlock task cancel -",
		Args:    args(1, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return c.cancel().run(ctx, out, ids) })
	}
	return cmd
}

// cancel is the call behind the command.
func (c *connection) cancel() bulk {
	return bulk{done: "cancelled", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.CancelTasks(ctx, &rowlockv1.CancelTasksRequest{Ids: ids, RequestId: requestID})
		return answer.GetResults(), err
	}}
}
