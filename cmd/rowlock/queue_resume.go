package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueResumeCommand() *cobra.Command {
	return p.queueMode(&cobra.Command{
		Use:     "resume QUEUE",
		Short:   "Let a paused or draining queue go on",
		Example: "  rowlock queue resume mail",
	}, func(ctx context.Context, c *connection, name string) error {
		_, err := c.queues.ResumeQueue(ctx, &rowlockv1.ResumeQueueRequest{Name: name, RequestId: requestID()})
		return err
	})
}
