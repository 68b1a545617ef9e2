package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workflowCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cancel ID",
		Short:   "Cancel the tasks of a workflow that haven't ended; dead letters stay",
		Example: "  rowlock workflow cancel 000000000001A",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.workflows().CancelWorkflow(ctx, &rowlockv1.CancelWorkflowRequest{Id: id, RequestId: requestID()})
			if err != nil {
				return err
			}
			return p.printCount(out, "cancelled", int(answer.GetTasks()))
		})
	}
	return cmd
}
