package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete [ID…]",
		Short: "Remove tasks that aren't running, for good",
		Long: `Remove tasks that aren't running, for good: those with the IDs given, or all that the flags select. Without --state a
selection means live tasks; finished ones are selected by --state completed,cancelled.

A selection is deleted by an operation of the servers, which goes on if this command is interrupted; see 'rowlock operation'.
There is no canary, as what is deleted can't fail: --dry-run shows what would be.`,
		Example: `  rowlock task delete 000000000001A --yes
  rowlock task delete --state completed --where 'labels.customer == "42"' --yes`,
		Args: args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &taskChange{operate: operate{
		p: p, confirm: p.yesFlag(cmd), action: client.DeleteAction, verb: "delete", done: "deleted", noun: "task", destroys: true,
	}}
	change.add(cmd)
	cmd.RunE = change.runE(connect, out, func(ctx context.Context, c *connection, ids []string) error {
		if err := change.confirm.ask(true, "delete %s for good", render.Count(len(ids), "task")); err != nil {
			return err
		}
		return c.delete(rowlockv1.Task_unspecified).run(ctx, out, ids)
	})
	return cmd
}

// delete is the call behind the command; with a state it leaves tasks alone that are in another by then.
func (c *connection) delete(only rowlockv1.Task_State) bulk {
	return bulk{done: "deleted", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.DeleteTasks(ctx, &rowlockv1.DeleteTasksRequest{Ids: ids, RequestId: requestID, OnlyState: only})
		return answer.GetResults(), err
	}}
}
