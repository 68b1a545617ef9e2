package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueDrainCommand() *cobra.Command {
	return p.queueMode(&cobra.Command{
		Use:     "drain QUEUE",
		Short:   "Refuse new tasks for a queue while what is there is worked off",
		Example: "  rowlock queue drain mail",
	}, func(ctx context.Context, c *connection, name string) error {
		_, err := c.queues.DrainQueue(ctx, &rowlockv1.DrainQueueRequest{Name: name, RequestId: requestID()})
		return err
	})
}
