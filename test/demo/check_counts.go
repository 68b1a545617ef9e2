package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/client"
)

// counts are a queue's totals.
type counts struct{ enqueued, completed, failed, dead uint64 }

// checkCounts compares the queue's totals with what must have happened: each task completed once, and each attempt that
// had to fail failed once.
func (d *demo) checkCounts(ctx context.Context, list []item, dead int) error {
	q, err := d.client.Queues().Get(ctx, queue)
	if err != nil {
		return err
	}
	got := counts{q.EnqueuedTotal, q.CompletedTotal, q.FailedAttemptsTotal, q.DeadLetter}
	want := counts{
		enqueued:  uint64(len(list)),
		completed: uint64(len(list) - dead),
		failed:    uint64(count(list, kindFlaky) + maxAttempts*count(list, kindMissing)),
		dead:      uint64(dead),
	}
	if got != want {
		return fmt.Errorf("the queue has counted %+v, want %+v", got, want)
	}
	return nil
}

// checkOutcomes checks that each attempt of a task has one outcome: the last one the completion, those before it an error.
// A lease that was lost on its way to the worker is no attempt; no other may be lost, as the worker lives.
func checkOutcomes(task *client.TaskInfo) error {
	if task.Attempt != len(task.Errors)+1 || task.RetryCount != len(task.Errors) || task.WorkerDeaths != 0 {
		return fmt.Errorf("%s: %d attempts with %d retries, %d deaths of workers and the errors %v",
			task.Payload, task.Attempt, task.RetryCount, task.WorkerDeaths, task.Errors)
	}
	return nil
}
