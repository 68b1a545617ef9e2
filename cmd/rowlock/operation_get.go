package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) operationGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show how far an operation is",
		Example: "  rowlock operation get 000000000001A\n  rowlock operation get 000000000001A --wait",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	wait := cmd.Flags().Bool("wait", false, "wait until it has ended")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := operationID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			get := c.Operations().Get
			if *wait {
				get = func(ctx context.Context, id string) (*client.OperationInfo, error) { return p.follow(ctx, c, id, 0) }
			}
			op, err := get(ctx, id)
			if err != nil {
				return err
			}
			return p.printOperation(out, op)
		})
	}
	return cmd
}

func (p *program) printOperation(out *output, op *client.OperationInfo) error {
	return out.print(op, func(t *render.Table) { render.Operation(t, op, p.now()) })
}

// operationID checks the ID of an operation, which looks like a task's.
func operationID(arg string) (string, error) {
	id, err := taskID(arg)
	if err != nil {
		return "", usagef("%q is no operation's ID: want 13 characters of Crockford base32, as 'rowlock operation list' shows them", arg)
	}
	return id, nil
}
