package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/rowlock/rowlock/client"
)

// count is how many items are of the kind.
func count(list []item, kind string) int {
	n := 0
	for _, i := range list {
		if i.kind == kind {
			n++
		}
	}
	return n
}

// ended returns the queue's tasks in the states, by the path in their payload.
func (d *demo) ended(ctx context.Context, state client.State) (map[string]*client.TaskInfo, error) {
	tasks := map[string]*client.TaskInfo{}
	for task, err := range d.client.List(ctx, client.Query{Queue: queue, States: []client.State{state}, PageSize: 1000}) {
		if err != nil {
			return nil, err
		}
		path := string(task.Payload)
		if other, ok := tasks[path]; ok {
			return nil, fmt.Errorf("two tasks for %s: %s and %s", path, other.ID, task.ID)
		}
		tasks[path] = task
	}
	return tasks, nil
}

// checkAll compares every task with what must have become of it.
func (d *demo) checkAll(ctx context.Context, list []item) error {
	d.say("Checking every result against a direct computation")
	completed, err := d.ended(ctx, client.Completed)
	if err != nil {
		return err
	}
	dead, err := d.ended(ctx, client.DeadLetter)
	if err != nil {
		return err
	}
	if len(completed)+len(dead) != len(list) {
		return fmt.Errorf("%d tasks completed and %d are dead, of %d", len(completed), len(dead), len(list))
	}
	if err := d.checkCounts(ctx, list, len(dead)); err != nil {
		return err
	}
	return inParallel(list, func(i item) error {
		if i.kind == kindMissing {
			return checkDead(dead[i.path])
		}
		return d.checkCompleted(i, completed[i.path])
	})
}

// checkRepaired checks that the dead letters have completed, and nothing is left.
func (d *demo) checkRepaired(ctx context.Context, list []item) error {
	completed, err := d.ended(ctx, client.Completed)
	if err != nil {
		return err
	}
	if len(completed) != len(list) {
		return fmt.Errorf("%d tasks completed, of %d", len(completed), len(list))
	}
	if err := d.checkCounts(ctx, list, 0); err != nil {
		return err
	}
	return inParallel(list, func(i item) error { return d.checkCompleted(i, completed[i.path]) })
}

func (d *demo) checkCompleted(i item, task *client.TaskInfo) error {
	if task == nil {
		return fmt.Errorf("%s: no task completed", i.path)
	}
	want, err := result(d.work, i.path)
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(task.Result)); got != want {
		return fmt.Errorf("%s: the result is %q, want %q", i.path, got, want)
	}
	if i.kind != kindMissing { // whose attempts began anew when they were mended
		if err := checkOutcomes(task); err != nil {
			return err
		}
	}
	if i.kind == kindFlaky && task.RetryCount != 1 {
		return fmt.Errorf("%s: %d retries, want 1", i.path, task.RetryCount)
	}
	if i.kind == kindPlain && task.RetryCount != 0 {
		return fmt.Errorf("%s: %d retries, want none: %v", i.path, task.RetryCount, task.Errors)
	}
	return nil
}

func checkDead(task *client.TaskInfo) error {
	if task == nil {
		return fmt.Errorf("a missing file made no dead letter")
	}
	if task.Reason != "attempts_exhausted" || task.RetryCount != maxAttempts || len(task.Errors) != maxAttempts {
		return fmt.Errorf("%s: dead because of %s after %d failures with %d errors, want attempts_exhausted after %d",
			task.Payload, task.Reason, task.RetryCount, len(task.Errors), maxAttempts)
	}
	if last := task.Errors[maxAttempts-1].Message; !strings.Contains(last, "No such file") {
		return fmt.Errorf("%s: the error is %q, want the program's own", task.Payload, last)
	}
	return nil
}

// inParallel calls f for each item and returns the first error.
func inParallel(list []item, f func(item) error) error {
	var wait sync.WaitGroup
	work := make(chan item)
	failed := make(chan error, len(list))
	for range runtime.NumCPU() {
		wait.Go(func() {
			for i := range work {
				if err := f(i); err != nil {
					failed <- err
				}
			}
		})
	}
	for _, i := range list {
		work <- i
	}
	close(work)
	wait.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("%d results are wrong; the first: %w", len(failed)+1, err)
	default:
		return nil
	}
}
