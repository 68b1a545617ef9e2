package rpc

import (
	"context"
	"math"
	"time"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

const (
	// defaultWait is how long a call of WaitTask that doesn't say waits; maxWait how long it may.
	defaultWait = 30 * time.Second
	maxWait     = 60 // seconds
)

// WaitTask answers when the task has ended, or has left a state, or when the time is over.
func (s *watchService) WaitTask(ctx context.Context, req *pb.WaitTaskRequest) (*pb.WaitTaskResponse, error) {
	id, err := taskID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	wait := defaultWait
	if seconds := req.GetWaitSeconds(); seconds != 0 {
		if math.IsNaN(seconds) || seconds < 0 || seconds > maxWait {
			return nil, invalid("wait_seconds must be 0 to %d", maxWait)
		}
		wait = time.Duration(seconds * float64(time.Second))
	}
	leaves, ok := parseState(req.GetLeavesState())
	if !ok && req.GetLeavesState() != pb.Task_unspecified || leaves.Finished() {
		return nil, invalid("leaves_state must be scheduled, blocked, pending, running or dead_letter: finished tasks stay as they are")
	}
	ctx, end := s.within(ctx)
	defer end()
	out, err := s.wait(ctx, id, leaves, wait, req.GetOmitPayload())
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, err
}

// wait enters the waiter before it looks for the first time, so that nothing is missed in between.
func (s *watchService) wait(ctx context.Context, id task.ID, leaves task.State, d time.Duration, omit bool) (*pb.WaitTaskResponse, error) {
	x, err := s.waiters.add(id, leaves)
	if err != nil {
		return nil, err
	}
	defer s.waiters.remove(x)
	timer := time.NewTimer(d)
	defer timer.Stop()
	// What was acknowledged before the call counts; later looks are at what this member has just executed.
	for stale, left, over := false, false, false; ; stale = true {
		t, at, err := readTask(ctx, s.node, id, stale)
		if err != nil {
			return nil, err
		}
		done := ended(t.State)
		if leaves != task.None {
			done = left || t.State != leaves
		}
		if done || over {
			return &pb.WaitTaskResponse{Task: viewTask(&t, omit), Done: done, Position: at.String()}, nil
		}
		select {
		case n := <-x.news:
			if n.err != nil {
				return nil, n.err
			}
			left = left || n.left
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
