package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) dlqPurgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "purge [ID…]",
		Short:   "Delete dead letters for good",
		Example: "  rowlock dlq purge --queue mail --yes\n  rowlock dlq purge --all --yes",
		Args:    args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &deadLetterChange{dead: &deadLetters{}, confirm: p.yesFlag(cmd), verb: "delete", destroys: true}
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
			return change.run(ctx, c, out, ids, c.delete(rowlockv1.Task_dead_letter))
		})
	}
	return cmd
}
