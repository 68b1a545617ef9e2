package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queuePauseCommand() *cobra.Command {
	return p.queueMode(&cobra.Command{
		Use:     "pause QUEUE",
		Short:   "Stop handing out a queue's tasks; new ones are still accepted",
		Example: "  rowlock queue pause mail",
	}, func(ctx context.Context, c *connection, name string) error {
		_, err := c.queues.PauseQueue(ctx, &rowlockv1.PauseQueueRequest{Name: name, RequestId: requestID()})
		return err
	})
}
