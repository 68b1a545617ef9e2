package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "schedule",
		Short:   "Have tasks made by the clock: cron schedules, their history, triggers and backfills",
		Example: "  rowlock schedule put nightly reports --cron '30 2 * * *' --zone Europe/Berlin\n  rowlock schedule history nightly",
		GroupID: groupTasks,
	}
	cmd.AddCommand(
		p.schedulePutCommand(), p.scheduleGetCommand(), p.scheduleListCommand(), p.schedulePauseCommand(), p.scheduleResumeCommand(),
		p.scheduleTriggerCommand(), p.scheduleBackfillCommand(), p.scheduleHistoryCommand(), p.scheduleDeleteCommand(),
	)
	return cmd
}

func (p *program) printSchedule(out *output, s *rowlockv1.Schedule) error {
	schedule := render.NewSchedule(s)
	return out.print(schedule, func(table *render.Table) { schedule.Table(table, p.now()) })
}

// scheduleChange makes a command that changes a schedule, and prints it.
func (p *program) scheduleChange(cmd *cobra.Command, change func(ctx context.Context, c *connection, name string) error) *cobra.Command {
	cmd.Args = args(1, 1)
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if err := change(ctx, c, args[0]); err != nil {
				return err
			}
			answer, err := c.schedules.GetSchedule(ctx, &rowlockv1.GetScheduleRequest{Name: args[0]})
			if err != nil {
				return err
			}
			return p.printSchedule(out, answer.GetSchedule())
		})
	}
	return cmd
}
