package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxRounds is how often a part is proposed when its parents finish while it is on its way.
const maxRounds = 4

// Enqueue accepts tasks. The call is cut into parts, each of which fits into one entry of the log and is idempotent by
// itself; the parts are proposed together.
func (s *taskService) Enqueue(ctx context.Context, req *pb.EnqueueRequest) (*pb.EnqueueResponse, error) {
	if err := checkIdentity(req); err != nil {
		return nil, err
	}
	tasks, err := s.limits.newTasks(req.GetTasks())
	if err != nil {
		return nil, err
	}
	call := enqueueCall{req: req}
	var cs []task.Command
	var sizes []int
	for rest := tasks; len(rest) > 0; {
		n := nextPart(rest)
		cs = append(cs, call.command(len(sizes), 0, rest[:n]))
		sizes, rest = append(sizes, n), rest[n:]
	}
	results, err := submit(ctx, s.node, cs, false)
	if err != nil {
		return nil, err
	}
	reply := newEnqueueReply(len(tasks))
	at := 0
	for part, n := range sizes {
		if err := s.settle(ctx, &call, part, tasks[at:at+n], results[part], reply[at:at+n]); err != nil {
			return nil, err
		}
		at += n
	}
	return &pb.EnqueueResponse{Results: reply}, nil
}

// checkIdentity checks what makes a call idempotent. Without it, a call that is sent twice is executed twice.
func checkIdentity(req *pb.EnqueueRequest) error {
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return err
	}
	switch {
	case req.GetProducerId() != 0 && req.GetRequestId() != "":
		return invalid("producer_id and request_id are both given: give one")
	case req.GetProducerId() != 0 && req.GetSequence() == 0:
		return invalid("sequence is required with producer_id: 1, 2, 3 and so on")
	case req.GetProducerId() == 0 && req.GetSequence() != 0:
		return invalid("producer_id is required with sequence")
	case req.GetAckedBelow() > req.GetSequence():
		return invalid("acked_below must not be above sequence")
	}
	return nil
}

// enqueueCall makes the commands of one call.
type enqueueCall struct{ req *pb.EnqueueRequest }

// command is one part of the call. A later round proposes those tasks of the part again whose parents had to be looked
// up; it has an identity of its own, as the first round's answer is remembered.
func (c *enqueueCall) command(part, round int, tasks []task.NewTask) task.Command {
	e := &task.Enqueue{
		Producer: c.req.GetProducerId(), Sequence: c.req.GetSequence(), AckedBelow: c.req.GetAckedBelow(),
		Part: uint32(part) | uint32(round)<<16, Tasks: tasks,
	}
	return once(requestPart(c.req.GetRequestId(), part, round), e)
}

// newEnqueueReply makes n results at once.
func newEnqueueReply(n int) []*pb.EnqueueResult {
	slab := make([]pb.EnqueueResult, n)
	reply := make([]*pb.EnqueueResult, n)
	for i := range slab {
		reply[i] = &slab[i]
	}
	return reply
}

// settle turns the result of a part into the answers to its tasks. Those that wait for parents which have finished are
// proposed again with what the history says of them.
func (s *taskService) settle(
	ctx context.Context, call *enqueueCall, part int, tasks []task.NewTask, res task.Result, reply []*pb.EnqueueResult,
) error {
	open, err := answer(res, reply)
	for round := 1; err == nil && len(open) > 0; round++ {
		if round == maxRounds {
			for _, i := range open {
				reply[i].Error = partStatus(task.ResolveAgain)
			}
			return nil
		}
		if open, err = s.resolve(ctx, tasks, open, reply); err != nil || len(open) == 0 {
			return err
		}
		again := make([]task.NewTask, len(open))
		some := make([]*pb.EnqueueResult, len(open))
		for k, i := range open {
			again[k], some[k] = tasks[i], reply[i]
		}
		var left []int
		if res, err = propose(ctx, s.node, call.command(part, round, again), false); err == nil {
			left, err = answer(res, some)
		}
		for k := range left {
			left[k] = open[left[k]]
		}
		open = left
	}
	return err
}

// answer fills in the answers and returns which tasks have to be proposed again.
func answer(res task.Result, reply []*pb.EnqueueResult) (open []int, err error) {
	if res.Code.Err() != nil {
		return nil, res.Code
	}
	if len(res.Items) != len(reply) {
		return nil, errMixedUp
	}
	for i := range res.Items {
		item, r := &res.Items[i], reply[i]
		switch item.Code {
		case task.OK:
			r.TaskId = item.ID.String()
		case task.Existing:
			r.TaskId, r.Existing = item.ID.String(), true
		case task.ResolveAgain:
			open = append(open, i)
		default:
			if item.ID != 0 {
				r.TaskId, r.Existing = item.ID.String(), true
			}
			r.Error = partStatus(&taskError{id: item.ID, code: item.Code})
		}
	}
	return open, nil
}

// resolve looks for the parents of the open tasks in the history. Completed ones are carried in ParentsDone; a task
// with a parent that can't complete any more is refused. It returns the tasks that are still open.
func (s *taskService) resolve(ctx context.Context, tasks []task.NewTask, open []int, reply []*pb.EnqueueResult) ([]int, error) {
	var left []int
	err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
		left = left[:0]
		for _, i := range open {
			refusal, err := resolveParents(v, &tasks[i])
			if err != nil {
				return err
			}
			if refusal != nil {
				reply[i].Error = partStatus(refusal)
				continue
			}
			left = append(left, i)
		}
		return nil
	})
	return left, err
}

func resolveParents(v *raftfsm.View, t *task.NewTask) (refusal, err error) {
	for i, id := range t.DependsOn {
		if slices.Contains(t.ParentsDone, id) {
			continue
		}
		parent, ok, err := v.Task(id)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return notFound("depends_on[%d]: no task %s", i, id), nil
		case parent.State == task.Cancelled:
			return &taskError{id: id, code: task.DependencyFailed, state: parent.State}, nil
		case parent.State == task.Completed:
			t.ParentsDone = append(t.ParentsDone, id)
		}
	}
	return nil, nil
}

// digest stands for a request ID that leaves no room for a part's number.
func digest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}
