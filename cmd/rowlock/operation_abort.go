package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) operationAbortCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "abort ID",
		Short:   "End an operation; what it has changed stays changed",
		Example: "  rowlock operation abort 000000000001A",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := operationID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			op, err := c.Operations().Abort(ctx, id)
			if err != nil {
				return err
			}
			return p.printOperation(out, op)
		})
	}
	return cmd
}
