package rpc

import (
	"cmp"
	"context"
	"slices"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxImportRounds is how often a part of an import is proposed when the state that it was prepared with has changed meanwhile: by
// imports of others, mostly.
const maxImportRounds = 32

// ImportTasks puts tasks back. The call is cut into parts by ascending ID, so that a parent comes before its children, and each part
// is idempotent by itself. They are proposed one after another: each is prepared with what the one before has done.
func (s *taskService) ImportTasks(ctx context.Context, req *pb.ImportTasksRequest) (*pb.ImportTasksResponse, error) {
	call, err := s.newImport(req)
	if err != nil {
		return nil, err
	}
	for part, rest := 0, call.order; len(rest) > 0; part++ {
		n := call.nextPart(rest)
		if err := s.importPart(ctx, call, part, rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return &pb.ImportTasksResponse{Results: call.results}, nil
}

// importCall is a checked ImportTasks call.
type importCall struct {
	request string
	replace bool
	dryRun  bool
	tasks   []importItem
	results []*pb.ImportResult
	order   []int // places of the tasks that are proposed, by ID
	full    fullQueues
}

// importItem is a task to put back.
type importItem struct {
	task.ImportedTask
	// settled are the parents that a blocked task didn't wait for any more: what became of them since doesn't matter.
	settled []task.ID
}

func (s *taskService) newImport(req *pb.ImportTasksRequest) (*importCall, error) {
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	c := &importCall{request: req.GetRequestId(), dryRun: req.GetDryRun(), full: fullQueues{node: s.node}}
	switch req.GetOnConflict() {
	case pb.ImportTasksRequest_unspecified, pb.ImportTasksRequest_skip:
	case pb.ImportTasksRequest_replace:
		c.replace = true
	default:
		return nil, invalid("on_conflict %d is unknown: skip or replace", int32(req.GetOnConflict()))
	}
	in := req.GetTasks()
	switch {
	case len(in) == 0:
		return nil, invalid("tasks is required: at least one task")
	case len(in) > task.MaxImportTasks:
		return nil, invalid("tasks has %d tasks, but may have at most %d", len(in), task.MaxImportTasks)
	}
	c.tasks, c.results = make([]importItem, len(in)), make([]*pb.ImportResult, len(in))
	size := 0
	for i, t := range in {
		if err := s.limits.importedTask(&c.tasks[i], t); err != nil {
			return nil, inTask(err, i, len(in))
		}
		c.results[i] = &pb.ImportResult{Id: c.tasks[i].ID.String()}
		size += importSize(&c.tasks[i].ImportedTask)
		if c.tasks[i].State.Finished() && !req.GetRerun() {
			c.results[i].Error = (&importError{code: errWasFinished, state: c.tasks[i].State, id: c.tasks[i].ID}).refuse()
			continue
		}
		resume(&c.tasks[i].ImportedTask)
		c.order = append(c.order, i)
	}
	if size > s.limits.BatchBytes {
		return nil, invalid("tasks has %d bytes, but may have at most %d in one call", size, s.limits.BatchBytes)
	}
	slices.SortStableFunc(c.order, func(a, b int) int { return cmp.Compare(c.tasks[a].ID, c.tasks[b].ID) })
	return c, nil
}

// resume gives a task the state in which it comes back.
func resume(t *task.ImportedTask) {
	switch t.State {
	case task.Running: // its worker is another world's: nothing is burnt
		t.State, t.Attempt = task.Pending, t.Attempt-min(t.Attempt, 1)
	case task.Completed, task.Cancelled:
		t.State, t.Attempt, t.Failures, t.Deaths = task.Pending, 0, 0, 0
	case task.DeadLetter:
		if t.Reason == task.NoReason {
			t.Reason = task.ReasonFailed
		}
	}
	if t.State != task.DeadLetter {
		t.Reason, t.DiedAt, t.Origin = task.NoReason, 0, ""
	}
}

// importSize is about how many bytes a task takes in an entry of the log. Like sizeOf it is part of what makes a repeated call
// idempotent.
func importSize(t *task.ImportedTask) int {
	n := sizeOf(&t.NewTask) + 32 + len(t.Origin)
	for i := range t.Errors {
		n += 16 + len(t.Errors[i].Message) + len(t.Errors[i].Worker)
	}
	return n
}

// nextPart returns how many of the tasks make the next part.
func (c *importCall) nextPart(places []int) int {
	size := 0
	for i, p := range places {
		size += importSize(&c.tasks[p].ImportedTask)
		if i > 0 && size > partBytes {
			return i
		}
	}
	return len(places)
}

// importPart proposes a part until the state is the one that it was prepared with.
func (s *taskService) importPart(ctx context.Context, c *importCall, part int, places []int) error {
	cmd := &task.ImportTasks{Replace: c.replace, Tasks: make([]task.ImportedTask, len(places))}
	for range maxImportRounds {
		var dry []task.Item
		err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
			if err := c.prepare(v, cmd, places); err != nil {
				return err
			}
			if c.dryRun {
				dry = v.CheckImport(cmd)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if c.dryRun {
			return c.answer(places, cmd.Tasks, dry)
		}
		results, err := submit(ctx, s.node, []task.Command{once(requestPart(c.request, part), cmd)}, false)
		if err != nil {
			return err
		}
		if results[0].Code == task.ResolveAgain {
			continue
		}
		if err := results[0].Code.Err(); err != nil {
			return err
		}
		return c.answer(places, cmd.Tasks, results[0].Items)
	}
	return unavailable("resolve_again", "other imports go on at the same time, and this one came too late %d times: try again", maxImportRounds)
}

// prepare looks for the tasks of a part and their parents, in memory and in the history.
func (c *importCall) prepare(v *raftfsm.View, cmd *task.ImportTasks, places []int) error {
	cmd.Next, cmd.Imports = v.ImportMark()
	k := newKinReader(v, maxCarried)
	for i, p := range places {
		item := &c.tasks[p]
		t := &cmd.Tasks[i]
		*t = item.ImportedTask
		var err error
		if t.Found, err = v.StateOf(t.ID); err != nil {
			return err
		}
		t.Edges = nil
		for _, e := range item.Edges {
			there, err := k.formerParent(&t.NewTask, e.Parent)
			if err != nil {
				return err
			}
			if there || !slices.Contains(item.settled, e.Parent) {
				t.Edges = append(t.Edges, e)
			}
		}
	}
	return nil
}

// formerParent notes how a parent has ended, or that it is nowhere.
func (k *kinReader) formerParent(t *task.NewTask, id task.ID) (there bool, err error) {
	parent, ok, err := k.Task(id)
	switch {
	case err != nil:
		return false, err
	case !ok:
		t.Ended = append(t.Ended, task.ParentOutcome{ID: id})
	case parent.State == task.Completed:
		o := task.ParentOutcome{ID: id, Ref: parent.Ref, State: parent.State, Result: parent.Result}
		if len(o.Result) > k.room {
			o.Result, o.Omitted = nil, true
		}
		k.room -= len(o.Result)
		t.Ended = append(t.Ended, o)
	case parent.State == task.Cancelled:
		t.Ended = append(t.Ended, task.ParentOutcome{ID: id, Ref: parent.Ref, State: parent.State})
	}
	return ok, nil
}

// answer fills in what became of the tasks of a part.
func (c *importCall) answer(places []int, asked []task.ImportedTask, items []task.Item) error {
	if len(items) != len(places) {
		return errMixedUp
	}
	for i, p := range places {
		item, r := &items[i], c.results[p]
		if item.ID != c.tasks[p].ID {
			return errMixedUp
		}
		r.State = states[item.State]
		switch item.Code {
		case task.OK:
			if c.dryRun {
				r.State = pb.Task_unspecified
			}
		case task.QueueFull:
			r.Error = c.full.refusal(c.tasks[p].Queue)
		case task.UniqueTaken:
			r.HolderId = task.ID(item.Other).String()
			r.Error = (&importError{id: item.ID, code: item.Code, holder: task.ID(item.Other), key: c.tasks[p].UniqueKey}).refuse()
		case task.ParentMissing:
			r.MissingParentIds = missingParents(&asked[i])
			r.Error = (&importError{id: item.ID, code: item.Code, missing: r.MissingParentIds}).refuse()
		default:
			r.Error = (&importError{id: item.ID, code: item.Code, state: item.State}).refuse()
		}
	}
	return nil
}

// missingParents are the parents of a task that were found nowhere.
func missingParents(t *task.ImportedTask) (ids []string) {
	for _, o := range t.Ended {
		if o.State == task.None {
			ids = append(ids, o.ID.String())
		}
	}
	return ids
}
