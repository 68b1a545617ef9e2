package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

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
		cs = append(cs, call.command(len(sizes), rest[:n]))
		sizes, rest = append(sizes, n), rest[n:]
	}
	results, err := submit(ctx, s.node, cs, false)
	if err != nil {
		return nil, onceMore(err, req.GetRequestId() != "")
	}
	reply := newEnqueueReply(len(tasks))
	at := 0
	for part, n := range sizes {
		if err := s.settle(ctx, &call, part, tasks[at:at+n], results[part], reply[at:at+n]); err != nil {
			return nil, onceMore(err, req.GetRequestId() != "")
		}
		at += n
	}
	reuse(tasks) // every part has been answered, so that no command has them any more
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

// command is one part of the call.
func (c *enqueueCall) command(part int, tasks []task.NewTask) task.Command {
	return once(requestPart(c.req.GetRequestId(), part), &task.Enqueue{
		Producer: c.req.GetProducerId(), Sequence: c.req.GetSequence(), AckedBelow: c.req.GetAckedBelow(), Part: uint32(part), Tasks: tasks,
	})
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

// settle turns the result of a part into the answers to its tasks. The machine refuses a part as a whole, and remembers
// nothing, if a task waits for a parent that has finished: then the part is proposed again with what the history says,
// and without the tasks whose parents can't complete any more.
func (s *taskService) settle(
	ctx context.Context, call *enqueueCall, part int, tasks []task.NewTask, res task.Result, reply []*pb.EnqueueResult,
) error {
	var refusals map[int]error
	for round := 1; res.Code == task.ResolveAgain && round < maxRounds; round++ {
		open, refused, err := s.resolve(ctx, tasks)
		if err != nil {
			return err
		}
		// Even with no task left: if this call is a repeat, its answer is on record.
		results, err := submit(ctx, s.node, []task.Command{call.command(part, open)}, false)
		if err != nil {
			return err
		}
		res, refusals = results[0], refused
	}
	if refusals == nil && res.Code == task.OK && len(res.Items) != len(tasks) { // on record, of a part that was resolved
		var err error
		if _, refusals, err = s.resolve(ctx, tasks); err != nil {
			return err
		}
	}
	return answer(s.node, tasks, res, reply, refusals)
}

// answer fills in the answers to a part: those of the machine, and the refusals of tasks that weren't proposed. An
// answer on record may be to the part as it was when it was first proposed, with all its tasks.
func answer(n Node, tasks []task.NewTask, res task.Result, reply []*pb.EnqueueResult, refusals map[int]error) error {
	if err := res.Code.Err(); err != nil {
		return err
	}
	switch len(res.Items) {
	case len(reply):
		refusals = nil
	case len(reply) - len(refusals):
	default:
		return errMixedUp
	}
	next, full := 0, fullQueues{node: n}
	for i, r := range reply {
		if err := refusals[i]; err != nil {
			r.Error = partStatus(err)
			continue
		}
		item := &res.Items[next]
		setResult(r, item)
		if item.Code == task.QueueFull {
			r.TaskId, r.Error = "", full.refusal(tasks[i].Queue)
		}
		next++
	}
	return nil
}

func setResult(r *pb.EnqueueResult, item *task.Item) {
	if item.ID != 0 {
		r.TaskId = item.ID.String()
	}
	switch item.Code {
	case task.OK:
	case task.Existing:
		r.Existing = true
	case task.NoSuchBatch, task.BatchClosed:
		r.Error = partStatus(&batchError{code: item.Code})
	default:
		r.Existing = item.Code == task.UniqueTaken
		r.Error = partStatus(&taskError{id: item.ID, code: item.Code})
	}
}

// resolve looks in the history for the parents that aren't live. What became of them is carried; tasks with a
// parent that is nowhere, or can't complete any more, are refused. It returns the tasks that are left.
func (s *taskService) resolve(ctx context.Context, tasks []task.NewTask) (open []task.NewTask, refusals map[int]error, err error) {
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		k := newKinReader(v, maxCarried)
		open, refusals = make([]task.NewTask, 0, len(tasks)), map[int]error{}
		for i := range tasks {
			refusal, err := k.resolve(&tasks[i])
			if err != nil {
				return err
			}
			if refusal != nil {
				refusals[i] = refusal
				continue
			}
			open = append(open, tasks[i])
		}
		return nil
	})
	return open, refusals, err
}

// digest stands for a request ID that leaves no room for a part's number.
func digest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}
