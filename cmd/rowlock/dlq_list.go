package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) dlqListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List dead letters with their reason and last error",
		Example: "  rowlock dlq list --queue mail\n  rowlock dlq list --all -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	var dead deadLetters
	cmd.Flags().StringVar(&dead.queue, "queue", "", "only this queue's")
	cmd.Flags().StringVar(&dead.kind, "kind", "", "only this kind")
	cmd.Flags().StringVar(&dead.where, "where", "", "only those for which this filter is true; see docs/guides/filters.md")
	cmd.Flags().StringVar(&dead.group, "group", "", "only those whose error has this fingerprint, as 'rowlock dlq groups' shows it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := dead.checkGroup(); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if err := p.listTasks(ctx, cmd, c.tasks, out, page, dead.request()); err != nil || dead.queue == "" || !out.people() {
				return err
			}
			return p.deadElsewhere(ctx, c, dead.queue)
		})
	}
	return cmd
}

// deadElsewhere tells people where the dead letters of a queue are, if they aren't in it.
func (p *program) deadElsewhere(ctx context.Context, c *connection, queue string) error {
	answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: queue})
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	if other := answer.GetQueue().GetSettings().GetDeadLetterQueue(); other != "" {
		fmt.Fprintf(p.stderr, "Tasks that die in queue %s go to queue %s: see 'rowlock dlq list --queue %s'.\n", queue, other, other)
	}
	return err
}
