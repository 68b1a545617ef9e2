package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleResumeCommand() *cobra.Command {
	return p.scheduleChange(&cobra.Command{
		Use:     "resume NAME",
		Short:   "End a pause: the schedule goes on with the first tick from now on",
		Example: "  rowlock schedule resume nightly",
	}, func(ctx context.Context, c *connection, name string) error {
		_, err := c.schedules.ResumeSchedule(ctx, &rowlockv1.ResumeScheduleRequest{Name: name, RequestId: requestID()})
		return err
	})
}
