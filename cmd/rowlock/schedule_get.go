package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get NAME",
		Short:   "Show a schedule and the next times at which it fires",
		Example: "  rowlock schedule get nightly\n  rowlock schedule get nightly -o json | jq .next_times",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	stale := cmd.Flags().Bool("stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.schedules.GetSchedule(ctx, &rowlockv1.GetScheduleRequest{Name: args[0], Stale: *stale})
			if err != nil {
				return err
			}
			p.lag(answer.GetLag())
			return p.printSchedule(out, answer.GetSchedule())
		})
	}
	return cmd
}
