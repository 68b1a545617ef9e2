package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// awaitTask waits until a task has ended and prints it. One that didn't complete is an error.
func (p *program) awaitTask(ctx context.Context, c *connection, out *output, id string) error {
	if _, err := c.Wait(ctx, id); err != nil {
		return err
	}
	answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id})
	if err != nil {
		return err
	}
	task := answer.GetTask()
	if err := p.printTask(out, task); err != nil || task.GetState() == rowlockv1.Task_completed {
		return err
	}
	return &exitError{code: exitFailed, text: fmt.Sprintf("task %s ended as %s (%s)", id, task.GetState(), task.GetReason())}
}
