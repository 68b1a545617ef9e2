package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchCloseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "close ID",
		Short: "Let no more tasks into a batch, so that it can end",
		Long: `Let no more tasks into a batch. When those that are in it have ended, its callbacks are enqueued; at once if there are none.
Closing it again changes nothing.`,
		Example: "  rowlock batch close 000000000001A",
	}
	return p.batchCall(cmd, func(ctx context.Context, c *connection, id string) (*rowlockv1.Batch, error) {
		answer, err := c.batches.CloseBatch(ctx, &rowlockv1.CloseBatchRequest{Id: id, RequestId: requestID()})
		return answer.GetBatch(), err
	})
}
