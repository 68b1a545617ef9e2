package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "Group tasks, count them, and enqueue a task when they have ended",
		Long: `Group tasks that are enqueued over time, count them, and enqueue a task of the batch's own when they have ended.

A batch is created, gets its tasks ('rowlock enqueue --batch ID'), and is closed: then it takes no more, and calls back when all
its tasks have ended. It is kept for 24 h after that.`,
		Example: "  rowlock batch create nightly --on-success ops/report\n  rowlock batch get 000000000001A",
		GroupID: groupTasks,
	}
	cmd.AddCommand(
		p.batchCreateCommand(), p.batchGetCommand(), p.batchListCommand(), p.batchCloseCommand(), p.batchCancelCommand(), p.batchWaitCommand(),
	)
	return cmd
}

func (p *program) printBatch(out *output, b *rowlockv1.Batch) error {
	batch := render.NewBatch(b)
	return out.print(batch, func(table *render.Table) { batch.Table(table, p.now()) })
}

// batchCall makes a command for one batch, which it prints.
func (p *program) batchCall(cmd *cobra.Command, call func(ctx context.Context, c *connection, id string) (*rowlockv1.Batch, error)) *cobra.Command {
	cmd.Args = args(1, 1)
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := batchID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			batch, err := call(ctx, c, id)
			if err != nil {
				return err
			}
			return p.printBatch(out, batch)
		})
	}
	return cmd
}
