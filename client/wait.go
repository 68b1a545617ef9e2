package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// waitCall is how long one call waits at the server; then the next one does.
	waitCall = 30 * time.Second
	// Servers that can't keep the call waiting are asked again and again.
	firstPoll = 20 * time.Millisecond
	maxPoll   = time.Second
)

// Wait returns the task when it has ended: completed, cancelled or a dead letter. It waits through changes of the leader, as
// long as ctx allows; ErrNotFound: there is no such task, or it was deleted.
func (c *Client) Wait(ctx context.Context, id string) (*TaskInfo, error) {
	return c.wait(ctx, &rowlockv1.WaitTaskRequest{Id: id}, func(t *TaskInfo) bool { return t.State.Ended() })
}

// WaitUntilLeft returns the task when it isn't, or wasn't for a moment, in the given state, which is a live one.
func (c *Client) WaitUntilLeft(ctx context.Context, id string, s State) (*TaskInfo, error) {
	return c.wait(ctx, &rowlockv1.WaitTaskRequest{Id: id, LeavesState: s.proto()}, func(t *TaskInfo) bool { return t.State != s })
}

func (c *Client) wait(ctx context.Context, req *rowlockv1.WaitTaskRequest, done func(*TaskInfo) bool) (*TaskInfo, error) {
	req.WaitSeconds = waitCall.Seconds()
	for {
		resp, err := c.watch.WaitTask(ctx, req)
		var e *Error
		switch {
		case err == nil && resp.GetDone():
			return taskOf(resp.GetTask()), nil
		case err == nil:
		case errors.As(err, &e) && (e.Code == codes.Unimplemented || e.Reason == reasonTooManyWaiters):
			return c.poll(ctx, req.GetId(), done)
		default:
			return nil, err
		}
	}
}

// poll asks again and again, at most once a second for a task that takes long.
func (c *Client) poll(ctx context.Context, id string, done func(*TaskInfo) bool) (*TaskInfo, error) {
	for attempt := 0; ; attempt++ {
		t, err := c.Get(ctx, id)
		if err != nil || done(t) {
			return t, err
		}
		timer := time.NewTimer(backoff(attempt, firstPoll, maxPoll))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return t, ctx.Err()
		}
	}
}

// ErrTaskFailed means that a task ended without a result: cancelled, or a dead letter. The error is a [TaskFailedError].
var ErrTaskFailed = errors.New("the task didn't complete")

// TaskFailedError tells how a task ended that didn't complete.
type TaskFailedError struct{ Task *TaskInfo }

// Error tells the state, the reason and the last attempt's error.
func (e *TaskFailedError) Error() string {
	text := fmt.Sprintf("task %s ended as %s (%s)", e.Task.ID, e.Task.State, e.Task.Reason)
	if n := len(e.Task.Errors); n > 0 {
		text += ": " + e.Task.Errors[n-1].Message
	}
	return text
}

// Is reports whether the error is ErrTaskFailed.
func (e *TaskFailedError) Is(target error) bool { return target == ErrTaskFailed }

// Result waits until the task has ended, and decodes what its handler returned as JSON. A task that didn't complete is
// ErrTaskFailed; a dead letter may be retried later, and complete then.
func Result[T any](ctx context.Context, c *Client, id string) (result T, err error) {
	t, err := c.Wait(ctx, id)
	if err != nil {
		return result, err
	}
	if t.State != Completed {
		return result, &TaskFailedError{Task: t}
	}
	if err := json.Unmarshal(t.Result, &result); err != nil {
		return result, fmt.Errorf("the result of task %s: %w", id, err)
	}
	return result, nil
}
