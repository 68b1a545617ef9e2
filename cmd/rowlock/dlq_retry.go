package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) dlqRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "retry [ID…]",
		Short:   "Make dead letters pending again, with fresh attempts",
		Example: "  rowlock dlq retry 000000000001A\n  rowlock dlq retry --queue mail --yes",
		Args:    args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &deadLetterChange{dead: &deadLetters{}, confirm: p.yesFlag(cmd), verb: "retry"}
	change.dead.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := change.dead.check(args); err != nil {
			return err
		}
		var ids []string
		if len(args) > 0 {
			if ids, err = p.taskIDs(args); err != nil {
				return err
			}
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			return change.run(ctx, c, out, ids, c.retry())
		})
	}
	return cmd
}
