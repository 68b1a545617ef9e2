package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) dlqGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show one dead letter with all its errors",
		Example: "  rowlock dlq get 000000000001A",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := taskID(args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			task, err := c.deadLetter(ctx, id, false)
			if err != nil {
				return err
			}
			return p.printTask(out, task)
		})
	}
	return cmd
}

// deadLetter returns a task that is in the dead letter queue, and refuses any other.
func (c *connection) deadLetter(ctx context.Context, id string, omitPayload bool) (*rowlockv1.Task, error) {
	answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id, OmitPayload: omitPayload})
	if err != nil {
		return nil, about(id, err)
	}
	if state := answer.GetTask().GetState(); state != rowlockv1.Task_dead_letter {
		return nil, &exitError{code: exitRefused, text: fmt.Sprintf("task %s is %s, not in the dead letter queue; see 'rowlock task get %s'", id, state, id)}
	}
	return answer.GetTask(), nil
}
