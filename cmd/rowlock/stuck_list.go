package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) stuckListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List running tasks without progress, with their last sign of it",
		Example: "  rowlock stuck list --older-than 30m",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	var stuck stuckFlags
	stuck.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		request, err := stuck.request()
		if err != nil {
			return err
		}
		page.table = render.Stuck
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			return p.listTasks(ctx, cmd, c.tasks, out, page, request)
		})
	}
	return cmd
}
