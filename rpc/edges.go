package rpc

import (
	"slices"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxCarried is how many bytes of the results of ended parents a command carries. Beyond it, a child that finds its parent ended
// learns how it ended, not its result.
const maxCarried = 64 << 10

// setKin checks and converts a task's dependencies. With refs, those of a graph, a dependency may name one of them: it is the
// task's place there, from 1 on.
func setKin(out *task.NewTask, t *pb.NewTask, refs map[string]uint32) (err error) {
	if out.DependsOn, err = taskIDs("", "depends_on", t.GetDependsOn(), maxParents); err != nil {
		return err
	}
	if n := len(t.GetDependsOn()) + len(t.GetDependencies()); n > maxParents {
		return invalid("dependencies and depends_on have %d tasks, but may have at most %d", n, maxParents)
	}
	switch t.GetOnParentFailure() {
	case pb.ParentFailure_parent_failure_default, pb.ParentFailure_dead_letter:
	case pb.ParentFailure_cancel:
		out.OnParentFailure = task.ParentFailureCancel
	default:
		return invalid("on_parent_failure %d is unknown: dead_letter or cancel", int32(t.GetOnParentFailure()))
	}
	if t.GetRef() != "" && refs == nil {
		return invalid("ref is for the tasks of a graph: leave it out, or enqueue the tasks with EnqueueGraph")
	}
	out.Ref = t.GetRef()
	for i, d := range t.GetDependencies() {
		e, err := edge(i, d, refs)
		if err != nil {
			return err
		}
		same := func(o task.Edge) bool { return o.Parent == e.Parent && o.Member == e.Member }
		if slices.ContainsFunc(out.Edges, same) || e.Parent != 0 && slices.Contains(out.DependsOn, e.Parent) {
			return invalid("dependencies[%d] names %s a second time: once is enough", i, d.GetTaskId()+d.GetRef())
		}
		out.Edges = append(out.Edges, e)
	}
	return nil
}

func edge(i int, d *pb.Dependency, refs map[string]uint32) (e task.Edge, err error) {
	switch d.GetWhen() {
	case pb.Dependency_unspecified, pb.Dependency_success:
	case pb.Dependency_failure:
		e.When = task.OnFailure
	case pb.Dependency_any:
		e.When = task.OnAny
	default:
		return e, invalid("dependencies[%d].when %d is unknown: success, failure or any", i, int32(d.GetWhen()))
	}
	switch id, ref := d.GetTaskId(), d.GetRef(); {
	case id != "" && ref != "":
		return e, invalid("dependencies[%d] has task_id and ref: give one", i)
	case id == "" && ref == "":
		return e, invalid("dependencies[%d].task_id is required: the ID of a task, or in a graph ref", i)
	case id != "":
		if e.Parent, err = task.ParseID(id); err != nil {
			return e, invalid("dependencies[%d].task_id %q is %v", i, clip(id), err)
		}
		if e.Parent == 0 {
			return e, invalid("dependencies[%d].task_id is no task's: IDs begin with 1", i)
		}
	case refs == nil:
		return e, invalid("dependencies[%d].ref is for the tasks of a graph: give task_id", i)
	default:
		if e.Member = refs[ref]; e.Member == 0 {
			return e, invalid("dependencies[%d].ref %q is no task of the graph: give the ref of one, or task_id for a task that exists", i, clip(ref))
		}
	}
	return e, nil
}

// kinReader finds out in the history how the parents of new tasks ended.
type kinReader struct {
	*raftfsm.View
	room int // for results
}

func newKinReader(v *raftfsm.View, room int) *kinReader { return &kinReader{v, room} }

// resolve looks for the parents that aren't live, and notes what became of them. A task whose parent is nowhere, or can't
// complete any more, is refused.
func (k *kinReader) resolve(t *task.NewTask) (refusal, err error) {
	t.ParentsDone, t.Ended = nil, nil
	for i, id := range t.DependsOn {
		if refusal, err := k.parent(t, id, task.OnSuccess, "depends_on[%d]: no task %s", i); refusal != nil || err != nil {
			return refusal, err
		}
	}
	for i, e := range t.Edges {
		if e.Member != 0 {
			continue
		}
		if refusal, err := k.parent(t, e.Parent, e.When, "dependencies[%d].task_id: no task %s", i); refusal != nil || err != nil {
			return refusal, err
		}
	}
	return nil, nil
}

func (k *kinReader) parent(t *task.NewTask, id task.ID, when task.EdgeWhen, missing string, i int) (refusal, err error) {
	parent, ok, err := k.Task(id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return notFound(missing, i, id), nil
	case parent.State == task.Cancelled && when == task.OnSuccess:
		return &taskError{id: id, code: task.DependencyFailed, state: parent.State}, nil
	case parent.State == task.Cancelled:
		t.Ended = append(t.Ended, task.ParentOutcome{ID: id, Ref: parent.Ref, State: parent.State})
	case parent.State == task.Completed:
		k.completed(t, &parent)
	}
	return nil, nil
}

// completed carries a parent's result, where the group keeps it and there is room.
func (k *kinReader) completed(t *task.NewTask, parent *task.Task) {
	if k.FeatureLevel() < task.LevelFeatures || len(parent.Result) == 0 && parent.Ref == "" {
		t.ParentsDone = append(t.ParentsDone, parent.ID)
		return
	}
	o := task.ParentOutcome{ID: parent.ID, Ref: parent.Ref, State: parent.State, Result: parent.Result}
	if len(o.Result) > k.room {
		o.Result, o.Omitted = nil, true
	}
	k.room -= len(o.Result)
	t.Ended = append(t.Ended, o)
}

func viewEdges(edges []task.Edge) []*pb.Dependency {
	var out []*pb.Dependency
	for _, e := range edges {
		out = append(out, &pb.Dependency{TaskId: e.Parent.String(), When: whens[e.When]})
	}
	return out
}

// whens are the API's words for when a task runs.
var whens = [...]pb.Dependency_When{
	task.OnSuccess: pb.Dependency_success, task.OnFailure: pb.Dependency_failure, task.OnAny: pb.Dependency_any,
}

func viewParents(list []task.ParentOutcome) []*pb.ParentOutcome {
	var out []*pb.ParentOutcome
	for i := range list {
		o := &list[i]
		out = append(out, &pb.ParentOutcome{TaskId: o.ID.String(), Ref: o.Ref, State: states[o.State], Result: o.Result, ResultOmitted: o.Omitted})
	}
	return out
}
