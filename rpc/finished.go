package rpc

import (
	"context"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// RetryTasks makes live tasks pending. A finished task can't change any more: a new one that names it takes its place.
func (s *taskService) RetryTasks(ctx context.Context, req *pb.RetryTasksRequest) (*pb.RetryTasksResponse, error) {
	c, err := newChange(req.GetIds(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	if err := c.propose(ctx, s.node, &task.Retry{IDs: c.ids}); err != nil {
		return nil, err
	}
	var (
		again  []task.NewTask
		places []int
		bytes  int
	)
	err = c.lookUp(ctx, s.node, func(i int, t *task.Task) {
		if !t.State.Finished() { // it came back to life since the command
			return
		}
		if bytes += len(t.Payload); bytes > maxMessage && len(again) > 0 {
			c.refuse(i, invalid("the call would retry over %d bytes of finished tasks: retry fewer at once", maxMessage))
			return
		}
		again, places = append(again, retryOf(t)), append(places, i)
	})
	if err != nil {
		return nil, err
	}
	if err := s.retryFinished(ctx, c, again, places); err != nil {
		return nil, err
	}
	return &pb.RetryTasksResponse{Results: c.results}, nil
}

// retryFinished enqueues the new tasks of a retry, in parts as Enqueue does.
func (s *taskService) retryFinished(ctx context.Context, c *change, again []task.NewTask, places []int) error {
	call := enqueueCall{req: &pb.EnqueueRequest{RequestId: c.request}}
	for part := 1; len(again) > 0; part++ { // 0 is the retry of the live ones
		n := nextPart(again)
		res, err := propose(ctx, s.node, call.command(part, again[:n]), false)
		if err != nil {
			return err
		}
		reply := newEnqueueReply(n)
		if err := answer(s.node, again[:n], res, reply, nil); err != nil {
			return err
		}
		for k, r := range reply {
			c.results[places[k]].NewId, c.results[places[k]].Error = r.GetTaskId(), r.GetError()
		}
		again, places = again[n:], places[n:]
	}
	return nil
}

// retryOf is a new task with everything of a finished one, except what tied it to its time and to other tasks.
func retryOf(t *task.Task) task.NewTask {
	return task.NewTask{
		Queue: t.Queue, Kind: t.Kind, Payload: t.Payload, Priority: t.Priority, MaxAttempts: t.MaxAttempts,
		MaxWorkerDeaths: t.MaxWorkerDeaths, Timeout: t.Timeout, UniqueKey: t.UniqueKey, FairKey: t.FairKey, SingletonKey: t.SingletonKey, StickyKey: t.StickyKey, Require: t.Require,
		Labels: t.Labels, TraceContext: t.TraceContext, Backoff: t.Backoff, RetryOf: t.ID,
	}
}

// DeleteTasks removes live tasks that aren't running, and finished ones from the history.
func (s *taskService) DeleteTasks(ctx context.Context, req *pb.DeleteTasksRequest) (*pb.DeleteTasksResponse, error) {
	c, err := newChange(req.GetIds(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	only, known := parseState(req.GetOnlyState())
	if !known && req.GetOnlyState() != pb.Task_unspecified || only == task.Running {
		return nil, invalid("only_state must be scheduled, blocked, pending, completed, cancelled or dead_letter: running tasks aren't deleted")
	}
	if err := c.propose(ctx, s.node, &task.Delete{IDs: c.ids, Only: only}); err != nil {
		return nil, err
	}
	if len(c.gone) == 0 {
		return &pb.DeleteTasksResponse{Results: c.results}, nil
	}
	var refs []task.FinishedRef
	err = c.lookUp(ctx, s.node, func(i int, t *task.Task) {
		switch {
		case !t.State.Finished(): // it came back to life since the command
		case only != task.None && t.State != only:
			c.refuse(i, &taskError{id: t.ID, code: task.WrongState, state: t.State})
		default:
			refs = append(refs, task.FinishedRef{ID: t.ID, Queue: t.QueueNumber, Sequence: t.HistorySequence})
		}
	})
	if err != nil {
		return nil, err
	}
	if err := s.deleteFinished(ctx, c, refs); err != nil {
		return nil, err
	}
	return &pb.DeleteTasksResponse{Results: c.results}, nil
}

// deleteFinished proposes to delete what was found in the history. When the call is a repeat there is nothing to be
// found any more: then the answer that its first time got says what was deleted.
func (s *taskService) deleteFinished(ctx context.Context, c *change, refs []task.FinishedRef) error {
	if len(refs) == 0 && c.request == "" {
		return nil
	}
	res, err := propose(ctx, s.node, once(requestPart(c.request, 1), &task.DeleteFinished{Refs: refs}), false)
	if err != nil {
		return err
	}
	outcome := make(map[task.ID]task.Code, len(res.Items))
	for _, item := range res.Items {
		outcome[item.ID] = item.Code
	}
	for _, i := range c.gone {
		code, ok := outcome[c.ids[i]]
		switch {
		case ok && code.Err() == nil:
			c.results[i].Error = nil
		case ok:
			c.refuse(i, &taskError{id: c.ids[i], code: code})
		}
	}
	return nil
}
