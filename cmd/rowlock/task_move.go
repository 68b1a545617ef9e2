package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskMoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "move ID… --to QUEUE",
		Short:   "Put waiting tasks and dead letters into another queue",
		Example: "  rowlock task move 000000000001A --to slow",
		Args:    args(1, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	queue := cmd.Flags().String("to", "", "the queue to put them into")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *queue == "" {
			return usagef("say with --to into which queue")
		}
		ids, err := p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return c.move(*queue).run(ctx, out, ids) })
	}
	return cmd
}

// move is the call behind the command.
func (c *connection) move(queue string) bulk {
	return bulk{done: "moved", call: func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error) {
		answer, err := c.tasks.MoveTasks(ctx, &rowlockv1.MoveTasksRequest{Ids: ids, Queue: queue, RequestId: requestID})
		return answer.GetResults(), err
	}}
}
