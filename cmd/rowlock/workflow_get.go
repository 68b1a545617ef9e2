package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) workflowGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show one workflow, and draw its tasks with their states",
		Long:    "Show one workflow, and draw its tasks with their states. The ID is that of its first task. With -o json, nodes are the tasks\nand edges their dependencies.",
		Example: "  rowlock workflow get 000000000001A\n  rowlock workflow get 000000000001A -o json | jq .state",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	stale := cmd.Flags().Bool("stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			_, err := p.printWorkflow(ctx, c, out, id, *stale)
			return err
		})
	}
	return cmd
}
