package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the schedules by name, with when they fire next",
		Example: "  rowlock schedule list\n  rowlock schedule list --prefix billing- --all -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	prefix := cmd.Flags().String("prefix", "", "only those whose names begin with it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := page.check(cmd); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			var lag *rowlockv1.Lag
			schedules := list(out, render.Schedules(p.now()))
			next, err := page.pages(func(limit uint32, cursor string) (int, string, error) {
				answer, err := c.schedules.ListSchedules(ctx, &rowlockv1.ListSchedulesRequest{
					Limit: limit, Cursor: cursor, Stale: page.stale, Prefix: *prefix,
				})
				if err != nil {
					return 0, "", err
				}
				lag = answer.GetLag()
				return len(answer.GetSchedules()), answer.GetNextCursor(), schedules.Page(render.NewSchedules(answer.GetSchedules()))
			})
			if err != nil {
				return err
			}
			if err := schedules.Close("No schedules: 'rowlock schedule put' makes one."); err != nil {
				return err
			}
			p.more(next)
			p.lag(lag)
			return nil
		})
	}
	return cmd
}
