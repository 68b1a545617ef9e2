package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "retry ID…",
		Short:   "Make dead letters and scheduled tasks pending at once; a finished task is enqueued anew",
		Example: "  rowlock task retry 000000000001A",
		Args:    args(1, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return c.retry().run(ctx, out, ids) })
	}
	return cmd
}

// retry is the call behind the command.
func (c *connection) retry() bulk {
	return bulk{done: "retried", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.RetryTasks(ctx, &rowlockv1.RetryTasksRequest{Ids: ids, RequestId: requestID})
		return answer.GetResults(), err
	}}
}
