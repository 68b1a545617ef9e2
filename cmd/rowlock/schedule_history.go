package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "history NAME",
		Short:   "List what became of a schedule's ticks, newest first: fired, skipped and why, missed, queued",
		Example: "  rowlock schedule history nightly\n  rowlock schedule history nightly --all -o json",
		Args:    args(1, 1),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := page.check(cmd); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			var lag *rowlockv1.Lag
			ticks := list(out, render.Ticks)
			next, err := page.pages(func(limit uint32, cursor string) (int, string, error) {
				answer, err := c.schedules.ListScheduleHistory(ctx, &rowlockv1.ListScheduleHistoryRequest{
					Name: args[0], Limit: limit, Cursor: cursor, Stale: page.stale,
				})
				if err != nil {
					return 0, "", err
				}
				lag = answer.GetLag()
				return len(answer.GetTicks()), answer.GetNextCursor(), ticks.Page(render.NewTicks(answer.GetTicks()))
			})
			if err != nil {
				return err
			}
			if err := ticks.Close("No ticks yet."); err != nil {
				return err
			}
			p.more(next)
			p.lag(lag)
			return nil
		})
	}
	return cmd
}
