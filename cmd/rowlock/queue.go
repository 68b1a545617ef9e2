package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "queue",
		Short:   "Look at queues, change their settings, pause, drain and purge them",
		Example: "  rowlock queue list\n  rowlock queue pause mail",
		GroupID: groupTasks,
	}
	cmd.AddCommand(
		p.queueListCommand(), p.queueGetCommand(), p.queueSetCommand(), p.queuePauseCommand(), p.queueResumeCommand(),
		p.queueDrainCommand(), p.queuePurgeCommand(),
	)
	return cmd
}

func (p *program) printQueue(out *output, q *rowlockv1.Queue) error {
	queue := render.NewQueue(q)
	return out.print(queue, func(table *render.Table) { queue.Table(table, p.now()) })
}

// queueMode makes a command that changes what a queue does, and prints the queue.
func (p *program) queueMode(cmd *cobra.Command, change func(ctx context.Context, c *connection, name string) error) *cobra.Command {
	cmd.Args = args(1, 1)
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if err := change(ctx, c, args[0]); err != nil {
				return err
			}
			answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: args[0]})
			if err != nil {
				return err
			}
			return p.printQueue(out, answer.GetQueue())
		})
	}
	return cmd
}
