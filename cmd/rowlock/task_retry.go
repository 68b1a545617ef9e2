package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry [ID…]",
		Short: "Make dead letters and scheduled tasks pending at once; a finished task is enqueued anew",
		Long: `Make dead letters and scheduled tasks pending at once: those with the IDs given, or all that the flags select. A finished
task that is given by its ID is enqueued anew.

A selection is retried by an operation of the servers, which goes on if this command is interrupted; see 'rowlock operation'.
With --canary one task goes first, then 1%, then the rest, and it stops if too many fail again: a failed attempt is enough.`,
		Example: `  rowlock task retry 000000000001A
  rowlock task retry --state scheduled --where 'retry_count > 0 && queue == "mail"'`,
		Args: args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &taskChange{operate: operate{
		p: p, confirm: p.yesFlag(cmd), action: client.RetryAction, verb: "retry", done: "retried", noun: "task",
	}}
	change.add(cmd)
	cmd.RunE = change.runE(connect, out, func(ctx context.Context, c *connection, ids []string) error { return c.retry().run(ctx, out, ids) })
	return cmd
}

// retry is the call behind the command.
func (c *connection) retry() bulk {
	return bulk{done: "retried", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.RetryTasks(ctx, &rowlockv1.RetryTasksRequest{Ids: ids, RequestId: requestID})
		return answer.GetResults(), err
	}}
}
