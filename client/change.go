package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// maxChange is how many tasks one request may name; longer lists are split.
const maxChange = 1_000

// Change is what became of one task of a call for many.
type Change struct {
	ID string `json:"id"`
	// NewID is the task that exists now, where a retry made a new one.
	NewID string `json:"new_id,omitempty"`
	Err   error  `json:"-"`
}

// Cancel ends tasks that haven't finished; the workers of running ones are told. Like all calls for many tasks it has a
// Change for each, in their order, and returns a PartialError if any of them was refused.
func (c *Client) Cancel(ctx context.Context, ids ...string) ([]Change, error) {
	return change(ids, func(ids []string) ([]*rowlockv1.TaskResult, error) {
		resp, err := c.tasks.CancelTasks(ctx, &rowlockv1.CancelTasksRequest{Ids: ids, RequestId: rand.Text()})
		return resp.GetResults(), err
	})
}

// Retry makes dead letters and scheduled tasks pending at once. For a finished task it makes a new one, NewID.
func (c *Client) Retry(ctx context.Context, ids ...string) ([]Change, error) {
	return change(ids, func(ids []string) ([]*rowlockv1.TaskResult, error) {
		resp, err := c.tasks.RetryTasks(ctx, &rowlockv1.RetryTasksRequest{Ids: ids, RequestId: rand.Text()})
		return resp.GetResults(), err
	})
}

// Delete removes tasks that aren't running, and finished ones, for good.
func (c *Client) Delete(ctx context.Context, ids ...string) ([]Change, error) {
	return change(ids, func(ids []string) ([]*rowlockv1.TaskResult, error) {
		resp, err := c.tasks.DeleteTasks(ctx, &rowlockv1.DeleteTasksRequest{Ids: ids, RequestId: rand.Text()})
		return resp.GetResults(), err
	})
}

// Reset takes running tasks from their workers and puts them back without burning an attempt.
func (c *Client) Reset(ctx context.Context, ids ...string) ([]Change, error) {
	return change(ids, func(ids []string) ([]*rowlockv1.TaskResult, error) {
		resp, err := c.tasks.ResetTasks(ctx, &rowlockv1.ResetTasksRequest{Ids: ids, RequestId: rand.Text()})
		return resp.GetResults(), err
	})
}

// Move puts waiting tasks and dead letters into another queue.
func (c *Client) Move(ctx context.Context, queue string, ids ...string) ([]Change, error) {
	return change(ids, func(ids []string) ([]*rowlockv1.TaskResult, error) {
		resp, err := c.tasks.MoveTasks(ctx, &rowlockv1.MoveTasksRequest{Ids: ids, Queue: queue, RequestId: rand.Text()})
		return resp.GetResults(), err
	})
}

// change makes a call for many tasks in requests of a bounded size.
func change(ids []string, call func(ids []string) ([]*rowlockv1.TaskResult, error)) ([]Change, error) {
	changes := make([]Change, 0, len(ids))
	partial := PartialError{Total: len(ids)}
	for some := range slices.Chunk(ids, maxChange) {
		results, err := call(some)
		if err != nil {
			return changes, err
		}
		if len(results) != len(some) {
			return changes, unknown(fmt.Errorf("%d results for %d tasks", len(results), len(some)))
		}
		for i, r := range results {
			ch := Change{ID: some[i], NewID: r.GetNewId(), Err: fromPart(r.GetError(), "")}
			if ch.Err != nil {
				partial.add(ch.Err)
			}
			changes = append(changes, ch)
		}
	}
	return changes, partial.orNil()
}

// Schedule says when a waiting task shall run instead, and with which priority.
type Schedule struct {
	RunAt    time.Time     // absolute, or
	Delay    time.Duration // from now; both zero: unchanged if Priority is given, else at once
	Priority *int          // 0 to 9; nil: unchanged
}

// Reschedule changes when a waiting task runs.
func (c *Client) Reschedule(ctx context.Context, id string, s Schedule) error {
	req := &rowlockv1.RescheduleTaskRequest{Id: id, DelaySeconds: s.Delay.Seconds(), RequestId: rand.Text()}
	if !s.RunAt.IsZero() {
		req.RunAt = timestamppb.New(s.RunAt)
	}
	if s.Priority != nil {
		p := bounded(*s.Priority)
		req.Priority = &p
	}
	_, err := c.tasks.RescheduleTask(ctx, req)
	return err
}
