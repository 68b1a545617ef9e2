package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) schedulePauseCommand() *cobra.Command {
	return p.scheduleChange(&cobra.Command{
		Use:     "pause NAME",
		Short:   "Stop a schedule: ticks that would come meanwhile are neither fired later nor missed",
		Example: "  rowlock schedule pause nightly",
	}, func(ctx context.Context, c *connection, name string) error {
		_, err := c.schedules.PauseSchedule(ctx, &rowlockv1.PauseScheduleRequest{Name: name, RequestId: requestID()})
		return err
	})
}
