package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete ID…",
		Short:   "Remove tasks that aren't running, for good",
		Example: "  rowlock task delete 000000000001A --yes",
		Args:    args(1, -1),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := p.taskIDs(args)
		if err != nil {
			return err
		}
		if err := confirm.ask(true, "delete %s for good", plural(len(ids), "task")); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			return c.delete(rowlockv1.Task_unspecified).run(ctx, out, ids)
		})
	}
	return cmd
}

// delete is the call behind the command; with a state it leaves tasks alone that are in another by then.
func (c *connection) delete(only rowlockv1.Task_State) bulk {
	return bulk{done: "deleted", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.DeleteTasks(ctx, &rowlockv1.DeleteTasksRequest{Ids: ids, RequestId: requestID, OnlyState: only})
		return answer.GetResults(), err
	}}
}
