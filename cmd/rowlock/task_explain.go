package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskExplainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "explain ID",
		Short:   "Say why a task isn't running",
		Example: "  rowlock task explain 000000000001A",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.tasks.ExplainTask(ctx, &rowlockv1.ExplainTaskRequest{Id: id})
			if err != nil {
				return about(id, err)
			}
			explanation := render.NewExplanation(answer)
			if !out.people() {
				return out.print(explanation, nil)
			}
			if _, err := fmt.Fprintln(p.stdout, explanation.Summary); err != nil || len(explanation.Reasons) == 0 {
				return err
			}
			return out.print(explanation, func(t *render.Table) { explanation.Table(t, p.now()) })
		})
	}
	return cmd
}
