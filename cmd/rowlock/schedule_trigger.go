package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// triggered is what a trigger did.
type triggered struct {
	TaskID string `json:"task_id,omitempty"`
	Queued bool   `json:"queued"`
}

func (p *program) scheduleTriggerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trigger NAME",
		Short:   "Fire a schedule now, paused or not, and print its task's ID; its overlap policy holds",
		Example: "  rowlock schedule trigger nightly",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	id := cmd.Flags().String("request-id", "", "names the call: one with the same ID within 24 h is executed once (default: a random one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *id == "" {
			*id = requestID()
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.schedules.TriggerSchedule(ctx, &rowlockv1.TriggerScheduleRequest{Name: args[0], RequestId: *id})
			if err != nil {
				return err
			}
			if !out.people() {
				return out.print(triggered{TaskID: answer.GetTaskId(), Queued: answer.GetQueued()}, nil)
			}
			if answer.GetQueued() {
				fmt.Fprintln(p.stderr, "Queued: its task is made when the one before it has ended.")
				return nil
			}
			_, err = fmt.Fprintln(p.stdout, answer.GetTaskId())
			return err
		})
	}
	return cmd
}
