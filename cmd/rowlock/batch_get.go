package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show one batch: its counts, and what became of its callbacks",
		Example: "  rowlock batch get 000000000001A\n  rowlock batch get 000000000001A -o json | jq .completed",
	}
	stale := cmd.Flags().Bool("stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	return p.batchCall(cmd, func(ctx context.Context, c *connection, id string) (*rowlockv1.Batch, error) {
		answer, err := c.batches.GetBatch(ctx, &rowlockv1.GetBatchRequest{Id: id, Stale: *stale})
		p.lag(answer.GetLag())
		return answer.GetBatch(), err
	})
}
