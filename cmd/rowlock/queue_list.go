package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the queues with their counts",
		Example: "  rowlock queue list\n  rowlock queue list --all -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := page.check(cmd); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			var lag *rowlockv1.Lag
			queues := list(out, render.Queues(p.now()))
			next, err := page.pages(func(limit uint32, cursor string) (int, string, error) {
				answer, err := c.queues.ListQueues(ctx, &rowlockv1.ListQueuesRequest{Limit: limit, Cursor: cursor, Stale: page.stale})
				if err != nil {
					return 0, "", err
				}
				lag = answer.GetLag()
				return len(answer.GetQueues()), answer.GetNextCursor(), queues.Page(render.NewQueues(answer.GetQueues()))
			})
			if err != nil {
				return err
			}
			if err := queues.Close("No queues: one comes into being with its first task."); err != nil {
				return err
			}
			p.more(next)
			p.lag(lag)
			return nil
		})
	}
	return cmd
}
