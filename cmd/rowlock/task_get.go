package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show one task, live or finished, with its payload, result and errors",
		Example: "  rowlock task get 000000000001A\n  rowlock task get 000000000001A -o json | jq .state\n  rowlock task get 000000000001A --tree",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	stale := cmd.Flags().Bool("stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	tree := cmd.Flags().Bool("tree", false, "draw what it depends on, and what depends on it, in its workflow")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id, Stale: *stale})
			if err != nil {
				return about(id, err)
			}
			p.lag(answer.GetLag())
			if *tree {
				return p.printTaskTree(ctx, c, out, answer.GetTask(), *stale)
			}
			return p.printTask(out, answer.GetTask())
		})
	}
	return cmd
}

func (p *program) printTask(out *output, t *rowlockv1.Task) error {
	task := render.NewTask(t)
	return out.print(task, func(table *render.Table) { task.Table(table, p.now()) })
}
