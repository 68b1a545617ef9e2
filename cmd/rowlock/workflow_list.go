package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workflowListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the workflows with the counts of their tasks, the newest first",
		Example: "  rowlock workflow list\n  rowlock workflow list --all -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := page.check(cmd); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			var lag *rowlockv1.Lag
			workflows := list(out, render.Workflows(p.now()))
			next, err := page.pages(func(limit uint32, cursor string) (int, string, error) {
				answer, err := c.workflows().ListWorkflows(ctx, &rowlockv1.ListWorkflowsRequest{Limit: limit, Cursor: cursor, Stale: page.stale})
				if err != nil {
					return 0, "", err
				}
				lag = answer.GetLag()
				return len(answer.GetWorkflows()), answer.GetNextCursor(), workflows.Page(render.NewWorkflows(answer.GetWorkflows()))
			})
			if err != nil {
				return err
			}
			if err := workflows.Close("No workflows: 'rowlock workflow submit FILE' makes one."); err != nil {
				return err
			}
			p.more(next)
			p.lag(lag)
			return nil
		})
	}
	return cmd
}
