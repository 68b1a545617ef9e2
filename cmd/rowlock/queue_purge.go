package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queuePurgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "purge QUEUE",
		Short:   "Delete the tasks that wait in a queue now; running and dead ones stay",
		Example: "  rowlock queue purge mail --yes",
		Args:    args(1, 1),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: args[0]})
			if err != nil {
				return err
			}
			q := answer.GetQueue()
			if err := confirm.ask(true, "delete the %s waiting in queue %s", render.Count(int(q.GetPending()+q.GetScheduled()+q.GetBlocked()), "task"), args[0]); err != nil {
				return err
			}
			purged, err := c.queues.PurgeQueue(ctx, &rowlockv1.PurgeQueueRequest{Name: args[0], RequestId: requestID()})
			if err != nil {
				return err
			}
			return p.printCount(out, "purged", int(purged.GetTasks()))
		})
	}
	return cmd
}

// count is what an operation on many tasks did.
type count struct {
	Tasks int `json:"tasks"`
}

// printCount prints how many tasks an operation covered; word says what it did to them.
func (p *program) printCount(out *output, word string, n int) error {
	return out.print(count{Tasks: n}, func(t *render.Table) {
		noun := "tasks "
		if n == 1 {
			noun = "task "
		}
		t.Row(n, noun+word)
	})
}
