package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workers",
		Short:   "Look at the workers that are connected, drain or evict them",
		Example: "  rowlock workers list\n  rowlock workers drain mail-7 --wait",
		GroupID: groupOperate,
	}
	cmd.AddCommand(p.workersListCommand(), p.workersGetCommand(), p.workersDrainCommand(), p.workersEvictCommand())
	return cmd
}

func (p *program) workersListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the workers' sessions: what they serve, and how many tasks they run",
		Example: "  rowlock workers list -o json",
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.workers.ListWorkers(ctx, &rowlockv1.ListWorkersRequest{})
			if err != nil {
				return err
			}
			workers := list(out, render.Workers(p.now()))
			if err := workers.Page(render.NewWorkers(answer.GetWorkers())); err != nil {
				return err
			}
			return workers.Close("No workers are connected: start one with 'rowlock worker'.")
		})
	}
	return cmd
}
