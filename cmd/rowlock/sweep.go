package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// sweep changes all tasks that a list gives, page by page, and returns how many it changed. Lists go by ascending ID, so
// that each task is met once: also one that is back on the list after its change. total is for the progress bar alone.
//
// A task that another call changed meanwhile no longer is what was asked for: its refusal is no failure.
func (p *program) sweep(ctx context.Context, c *connection, request *rowlockv1.ListTasksRequest, change bulk, total int64) (done int, err error) {
	bar := p.progress(total, change.done, "tasks")
	defer bar.stop()
	request.Limit = pageSize
	for {
		page, err := c.tasks.ListTasks(ctx, request)
		if err != nil {
			return done, stopped(change.done, done, err)
		}
		ids := make([]string, len(page.GetTasks()))
		for i, t := range page.GetTasks() {
			ids[i] = t.GetId()
		}
		if len(ids) > 0 {
			results, err := change.call(ctx, ids, requestID())
			if err != nil {
				return done, stopped(change.done, done, err)
			}
			for _, result := range results {
				if result.GetError().GetCode() == 0 {
					done++
				}
			}
			bar.add(len(ids))
		}
		if page.GetNextCursor() == "" {
			return done, nil
		}
		request.Cursor = page.GetNextCursor()
	}
}

// stopped says how far an operation came that can be called again.
func stopped(word string, done int, err error) error {
	if done == 0 {
		return err
	}
	return fmt.Errorf("stopped when %s had been %s: %w", render.Count(done, "task"), word, err)
}
