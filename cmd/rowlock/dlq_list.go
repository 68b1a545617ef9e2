package main

import (
	"context"

	"github.com/spf13/cobra"
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
			return p.listTasks(ctx, cmd, c.tasks, out, page, dead.request())
		})
	}
	return cmd
}
