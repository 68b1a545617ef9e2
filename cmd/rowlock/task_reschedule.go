package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskRescheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reschedule ID",
		Short:   "Change when a waiting task runs, or its priority",
		Example: "  rowlock task reschedule 000000000001A --delay 10m\n  rowlock task reschedule 000000000001A --priority 9",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	delay := cmd.Flags().Duration("delay", 0, "run it after this long; 0s is now")
	at := cmd.Flags().String("at", "", "run it at this time, such as 2030-01-31T08:00:00Z")
	priority := cmd.Flags().Uint32("priority", 5, "0 to 9; 9 is leased first")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		flags := cmd.Flags()
		if err := atMostOne(flags, "delay", "at"); err != nil {
			return err
		}
		if !flags.Changed("delay") && !flags.Changed("at") && !flags.Changed("priority") {
			return usagef("say what to change with --delay, --at or --priority")
		}
		request := &rowlockv1.RescheduleTaskRequest{Id: id, RequestId: requestID()}
		if request.RunAt, err = runTime(*at, *delay); err != nil {
			return err
		}
		if flags.Changed("delay") {
			request.DelaySeconds = delay.Seconds()
			if *delay == 0 {
				request.RunAt = timestamppb.New(p.now())
			}
		}
		if flags.Changed("priority") {
			request.Priority = priority
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if _, err := c.tasks.RescheduleTask(ctx, request); err != nil {
				return about(id, err)
			}
			answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id})
			if err != nil {
				return err
			}
			return p.printTask(out, answer.GetTask())
		})
	}
	return cmd
}

// runTime reads --at and checks --delay.
func runTime(at string, delay time.Duration) (*timestamppb.Timestamp, error) {
	if delay < 0 {
		return nil, usagef("--delay %s: want 0s or more", delay)
	}
	if at == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return nil, usagef("--at %q: want a time such as 2030-01-31T08:00:00Z", at)
	}
	return timestamppb.New(t), nil
}
