package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel [ID…]",
		Short: "End tasks that haven't finished; the worker of a running one is told",
		Long: `End tasks that haven't finished: those with the IDs given, or all that the flags select. The worker of a running one is told.

A selection is cancelled by an operation of the servers, which goes on if this command is interrupted; see 'rowlock operation'.
There is no canary, as what is cancelled can't fail: --dry-run shows what would be.`,
		Example: `  rowlock task cancel 000000000001A
  rowlock task cancel --queue mail --where 'labels.campaign == "spring"'
  rowlock task list --queue mail -o json | jq -r .[].id | rowlock task cancel -`,
		Args: args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &taskChange{operate: operate{
		p: p, confirm: p.yesFlag(cmd), action: client.CancelAction, verb: "cancel", done: "cancelled", noun: "task", destroys: true,
	}}
	change.add(cmd)
	cmd.RunE = change.runE(connect, out, func(ctx context.Context, c *connection, ids []string) error { return c.cancel().run(ctx, out, ids) })
	return cmd
}

// cancel is the call behind the command.
func (c *connection) cancel() bulk {
	return bulk{done: "cancelled", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.CancelTasks(ctx, &rowlockv1.CancelTasksRequest{Ids: ids, RequestId: requestID})
		return answer.GetResults(), err
	}}
}
