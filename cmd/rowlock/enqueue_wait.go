package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	waitFirst = 20 * time.Millisecond
	waitMost  = time.Second
)

// awaitTask asks for a task until it has ended, at growing intervals, and prints it.
func (p *program) awaitTask(ctx context.Context, c *connection, out *output, id string) error {
	for pause := waitFirst; ; pause = min(pause*3/2, waitMost) {
		answer, err := c.tasks.GetTask(ctx, &rowlockv1.GetTaskRequest{Id: id})
		if err != nil {
			return err
		}
		switch state := answer.GetTask().GetState(); state {
		case rowlockv1.Task_completed:
			return p.printTask(out, answer.GetTask())
		case rowlockv1.Task_cancelled, rowlockv1.Task_dead_letter:
			if err := p.printTask(out, answer.GetTask()); err != nil {
				return err
			}
			return &exitError{code: exitFailed, text: fmt.Sprintf("task %s ended as %s (%s)", id, state, answer.GetTask().GetReason())}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
