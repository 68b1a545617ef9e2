package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// awaitTask waits until a task has ended, or for timeout unless that is 0, and prints it. One that didn't complete is an
// error.
func (p *program) awaitTask(ctx context.Context, c *connection, out *output, id string, timeout time.Duration) error {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if _, err := c.Wait(waiting, id); err != nil {
		code, text := explain(ctx, err)
		if ctx.Err() == nil && waiting.Err() != nil {
			code, text = exitFailed, fmt.Sprintf("not ended within %s (--wait-timeout)", timeout)
		}
		return &exitError{code: code, text: fmt.Sprintf("%s; task %s is enqueued, 'rowlock task get %s' shows what became of it", text, id, id)}
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
