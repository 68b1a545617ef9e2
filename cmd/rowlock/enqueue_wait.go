package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// awaitTask waits until a task has ended, or for timeout unless that is 0, and prints it. One that didn't complete is an
// error.
func (p *program) awaitTask(ctx context.Context, c *connection, out *output, id string, timeout time.Duration) error {
	waiting, cancel := withTimeout(ctx, timeout)
	defer cancel()
	t, err := c.ended(waiting, id)
	if err != nil {
		code, text := explain(ctx, err)
		if ctx.Err() == nil && waiting.Err() != nil {
			code, text = exitFailed, fmt.Sprintf("not ended within %s (--wait-timeout)", timeout)
		}
		return &exitError{code: code, text: fmt.Sprintf("%s; task %s is enqueued, 'rowlock task wait %s' waits for it", text, id, id)}
	}
	return errors.Join(p.printTask(out, t), failure(t))
}
