package rpc

import (
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// viewBatch is a batch as the API shows it.
func viewBatch(b *task.Batch) *pb.Batch {
	out := &pb.Batch{
		Id: b.ID.String(), Name: b.Name, State: pb.Batch_open, Total: b.Counts.Total(), Waiting: b.Counts.Waiting,
		Running: b.Counts.Running, Completed: b.Counts.Completed, Cancelled: b.Counts.Cancelled, Deleted: b.Counts.Deleted,
		DeadLetter: b.Counts.Dead, CreatedAt: timestamp(b.CreatedAt), ClosedAt: timestamp(b.ClosedAt), EndedAt: timestamp(b.EndedAt),
		CancelRequested:    b.Cancelled,
		IdleTimeoutSeconds: seconds(b.Idle),
		ExpiresAt:          timestamp(b.ExpiresAt),
		Expired:            b.Expired,
		OnSuccess:          viewCallback(&b.Callbacks[task.CallbackSuccess]),
		OnDeath:            viewCallback(&b.Callbacks[task.CallbackDeath]),
		OnComplete:         viewCallback(&b.Callbacks[task.CallbackComplete]),
	}
	switch {
	case b.EndedAt != 0:
		out.State = pb.Batch_ended
	case b.ClosedAt != 0:
		out.State = pb.Batch_closed
	}
	return out
}

// viewCallback is a callback as the API shows it; nil where the batch has none. One that is due is still waiting.
func viewCallback(c *task.BatchCallback) *pb.BatchCallback {
	if c.State == task.CallbackNone {
		return nil
	}
	out := &pb.BatchCallback{
		Queue: c.Task.Queue, Kind: c.Task.Kind, State: pb.BatchCallback_waiting, At: timestamp(c.DoneAt),
		Refusals: c.Tries, NextAt: timestamp(c.NextAt),
	}
	if c.ID != 0 {
		out.TaskId = c.ID.String()
	}
	switch {
	case c.State == task.CallbackDone && c.Code == task.OK:
		out.State = pb.BatchCallback_enqueued
	case c.State == task.CallbackDone:
		out.State = pb.BatchCallback_refused
	case c.Code != task.OK: // also while it is due again
		out.State = pb.BatchCallback_retrying
	}
	if code := c.Code; code != task.OK {
		if code == task.Existing { // the key's holder isn't the batch's
			code = task.UniqueTaken
		}
		out.Error = partStatus(&taskError{id: c.ID, code: code})
	}
	return out
}

// setBatch says which batch a task is in, or which one enqueued it.
func setBatch(t *task.Task, out *pb.Task) {
	if t.Batch != 0 {
		out.BatchId = t.Batch.String()
	}
	if t.CallbackOf != 0 {
		out.CallbackOf, out.Callback = t.CallbackOf.String(), t.Callback.String()
	}
}
