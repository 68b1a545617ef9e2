package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Short:   "Remove a schedule with its history; its tasks go on",
		Example: "  rowlock schedule delete nightly --yes",
		Args:    args(1, 1),
	}
	connect, confirm := p.clientFlags(cmd.Flags()), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if _, err := c.schedules.GetSchedule(ctx, &rowlockv1.GetScheduleRequest{Name: args[0]}); err != nil {
				return err
			}
			if err := confirm.ask(true, "delete schedule %s and its history", args[0]); err != nil {
				return err
			}
			if _, err := c.schedules.DeleteSchedule(ctx, &rowlockv1.DeleteScheduleRequest{Name: args[0], RequestId: requestID()}); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "Schedule %s is deleted; its tasks go on.\n", args[0])
			return nil
		})
	}
	return cmd
}
