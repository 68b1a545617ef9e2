package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the batches with their counts, the oldest first",
		Example: "  rowlock batch list\n  rowlock batch list --all -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := page.check(cmd); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			var lag *rowlockv1.Lag
			batches := list(out, render.Batches(p.now()))
			next, err := page.pages(func(limit uint32, cursor string) (int, string, error) {
				answer, err := c.batches.ListBatches(ctx, &rowlockv1.ListBatchesRequest{Limit: limit, Cursor: cursor, Stale: page.stale})
				if err != nil {
					return 0, "", err
				}
				lag = answer.GetLag()
				return len(answer.GetBatches()), answer.GetNextCursor(), batches.Page(render.NewBatches(answer.GetBatches()))
			})
			if err != nil {
				return err
			}
			if err := batches.Close("No batches: 'rowlock batch create' begins one."); err != nil {
				return err
			}
			p.more(next)
			p.lag(lag)
			return nil
		})
	}
	return cmd
}
