package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) operationListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List operations, the newest first; ended ones are kept for 7 days, the last 1,000",
		Example: "  rowlock operation list\n  rowlock operation list --limit 5 -o json",
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	limit := cmd.Flags().Int("limit", 100, "print at most this many")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 {
			return usagef("--limit %d: want at least 1", *limit)
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			page := list(out, render.Operations(p.now()))
			cursor := ""
			for left := *limit; left > 0; {
				ops, next, err := c.Operations().Page(ctx, cursor, min(left, pageSize))
				if err != nil {
					return err
				}
				if err := page.Page(ops); err != nil {
					return err
				}
				if left, cursor = left-len(ops), next; next == "" {
					break
				}
			}
			return page.Close("No operations.")
		})
	}
	return cmd
}
