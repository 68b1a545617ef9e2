package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get QUEUE",
		Short:   "Show one queue: its counts, history and settings",
		Example: "  rowlock queue get mail\n  rowlock queue get mail -o json | jq .pending",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	stale := cmd.Flags().Bool("stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: args[0], Stale: *stale})
			if err != nil {
				return err
			}
			p.lag(answer.GetLag())
			return p.printQueue(out, answer.GetQueue())
		})
	}
	return cmd
}
