package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchCancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Close a batch and cancel its tasks that wait or run",
		Long: `Close a batch and cancel its tasks that wait or run. The servers do so in steps; 'rowlock batch wait' waits for the end.
Dead letters stay, on-success doesn't come any more, on-complete does.`,
		Example: "  rowlock batch cancel 000000000001A",
	}
	return p.batchCall(cmd, func(ctx context.Context, c *connection, id string) (*rowlockv1.Batch, error) {
		answer, err := c.batches.CancelBatch(ctx, &rowlockv1.CancelBatchRequest{Id: id, RequestId: requestID()})
		if err == nil {
			fmt.Fprintf(p.stderr, "Cancelling %s.\n", render.Count(int(answer.GetTasks()), "task"))
		}
		return answer.GetBatch(), err
	})
}
