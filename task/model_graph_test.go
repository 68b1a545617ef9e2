package task_test

import (
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

const (
	graphLevel       = 3
	workflowKept     = day
	maxParentResults = 256 << 10
)

// edgesOf are all dependencies of a new task.
func edgesOf(n task.NewTask) []task.Edge {
	var edges []task.Edge
	for _, id := range n.DependsOn {
		edges = append(edges, task.Edge{Parent: id})
	}
	return append(edges, n.Edges...)
}

// foundEnded says what the proposer found of a parent in the history.
func foundEnded(n task.NewTask, id task.ID) (done, gone bool) {
	done = slices.Contains(n.ParentsDone, id)
	for _, o := range n.Ended {
		done = done || o.ID == id && o.State == task.Completed
		gone = gone || o.ID == id && o.State == task.Cancelled
	}
	return done, gone
}

// enterKin notes a new task's parents and workflow. never is a parent that completed, although the task is for its failure.
func (m *model) enterKin(t *modelTask, n task.NewTask, workflow task.ID) (never task.ID) {
	t.OnParentFailure = n.OnParentFailure
	if workflow != 0 {
		t.Workflow, t.Ref = workflow, n.Ref
	}
	for _, e := range edgesOf(n) {
		_, live := m.live[e.Parent]
		done, _ := foundEnded(n, e.Parent)
		if !live && done && e.When == task.OnFailure && never == 0 {
			never = e.Parent
		}
		if m.level < graphLevel && len(n.Edges) == 0 {
			continue
		}
		known := slices.ContainsFunc(t.Parents, func(p task.Edge) bool { return p.Parent == e.Parent })
		if known {
			continue
		}
		t.Parents = append(t.Parents, e)
		if _, kept := m.kept[e.Parent]; live || kept {
			continue
		}
		o := task.ParentOutcome{ID: e.Parent, State: task.Completed}
		for _, found := range slices.Backward(n.Ended) {
			if found.ID == e.Parent && found.State.Finished() {
				o = found
			}
		}
		m.kept[e.Parent] = o
	}
	return never
}

// when says which end of a parent lets the task run.
func (t *modelTask) when(parent task.ID) task.EdgeWhen {
	for _, e := range t.Parents {
		if e.Parent == parent {
			return e.When
		}
	}
	return task.OnSuccess
}

func (m *model) hasChild(id task.ID) bool {
	return len(m.liveWhere(func(c *modelTask) bool {
		return slices.ContainsFunc(c.Parents, func(e task.Edge) bool { return e.Parent == id })
	})) > 0
}

// outlive keeps the outcome of a task that ends while others depend on it.
func (m *model) outlive(t *modelTask, to task.State) {
	if !m.hasChild(t.ID) {
		return
	}
	if to == task.None && t.State == task.DeadLetter {
		to = task.DeadLetter
	}
	o := task.ParentOutcome{ID: t.ID, Ref: t.Ref, State: to}
	if to == task.Completed {
		o.Result = t.Result
	}
	m.kept[t.ID] = o
}

// forgetOutcomes drops what no live task depends on.
func (m *model) forgetOutcomes() {
	for id := range m.kept {
		if !m.hasChild(id) {
			delete(m.kept, id)
		}
	}
}

// outcomes are those of a task's parents.
func (m *model) outcomes(t task.Task) []task.ParentOutcome {
	var out []task.ParentOutcome
	room := maxParentResults
	for _, e := range t.Parents {
		if p, live := m.live[e.Parent]; live {
			out = append(out, task.ParentOutcome{ID: p.ID, Ref: p.Ref, State: p.State})
			continue
		}
		o := m.kept[e.Parent]
		if len(o.Result) > room {
			o.Result, o.Omitted = nil, true
		}
		room -= len(o.Result)
		out = append(out, o)
	}
	return out
}

// modelWorkflow is what is kept of tasks that were accepted together.
type modelWorkflow struct {
	id, last   task.ID
	name       string
	created    task.Time
	ended      map[task.ID]task.State
	endedAt    task.Time // when the last of its tasks left memory
	cancelled  bool
	cancelling bool
}

func (m *model) workflow(id task.ID) *modelWorkflow {
	for _, w := range m.workflows {
		if w.id == id {
			return w
		}
	}
	return nil
}

// enqueueGraph tries it on a copy of the rules: each task as if those before it had been accepted.
func (m *model) enqueueGraph(c *task.EnqueueGraph) task.Result {
	if len(c.Tasks) == 0 || len(c.Tasks) > task.MaxGraphTasks {
		return task.Result{Code: task.Invalid}
	}
	for i := range c.Tasks {
		if it := m.refusesMember(c.Tasks, i); it.Code == task.ResolveAgain {
			return task.Result{Code: it.Code}
		} else if it.Code != task.OK {
			it.Other = uint64(i + 1)
			return task.Result{Code: it.Code, Items: []task.Item{it}}
		}
	}
	if it := m.replacesParent(c.Tasks); it.Code != task.OK {
		return task.Result{Code: it.Code, Items: []task.Item{it}}
	}
	w := &modelWorkflow{id: m.lastID + 1, name: c.Name, created: m.now, ended: map[task.ID]task.State{}}
	w.last = m.lastID + task.ID(len(c.Tasks))
	m.workflows = append(m.workflows, w)
	return items(c.Tasks, func(n task.NewTask) task.Item {
		n.Edges = slices.Clone(n.Edges)
		for i, e := range n.Edges {
			if e.Member != 0 {
				n.Edges[i] = task.Edge{Parent: w.id + task.ID(e.Member) - 1, When: e.When}
			}
		}
		return m.enqueueFor(n, w.id)
	})
}

// refusesMember says why a task of a graph can't be accepted.
func (m *model) refusesMember(tasks []task.NewTask, i int) task.Item {
	n := tasks[i]
	q := m.queue(n.Queue)
	if q != nil && q.Mode == task.QueueDraining {
		return task.Item{Code: task.Draining}
	}
	if n.Batch != 0 {
		if b, ok := m.batches[n.Batch]; !ok {
			return task.Item{Code: task.NoSuchBatch}
		} else if b.ClosedAt != 0 {
			return task.Item{Code: task.BatchClosed}
		}
	}
	if n.UniqueMode == task.UniqueDebounce {
		return task.Item{Code: task.Invalid}
	}
	if q != nil && m.overflows(q, tasks[:i+1]) {
		return task.Item{Code: task.QueueFull}
	}
	outside := n
	outside.Edges = nil
	for _, e := range n.Edges {
		switch {
		case e.Member == 0:
			outside.Edges = append(outside.Edges, e)
		case int(e.Member) > i || e.Parent != 0:
			return task.Item{Code: task.Invalid}
		}
	}
	if _, code := m.unfinishedParents(outside); code != task.OK {
		return task.Item{Code: code}
	}
	if n.UniqueKey == "" {
		return task.Item{}
	}
	for _, other := range tasks[:i] {
		if other.Queue == n.Queue && other.UniqueKey == n.UniqueKey {
			return task.Item{Code: task.UniqueTaken}
		}
	}
	if q == nil {
		return task.Item{}
	}
	if h, taken := m.hold(modelKey{q.Number, n.UniqueKey}); taken {
		live := m.live[h.holder]
		if n.UniqueMode != task.UniqueReplace || live != nil && live.State == task.Running && m.owns(h.holder, modelKey{q.Number, n.UniqueKey}) {
			return task.Item{ID: h.holder, Code: task.UniqueTaken}
		}
	}
	return task.Item{}
}

// overflows reports whether a queue has too little room for those of some new tasks that are for it.
func (m *model) overflows(q *modelQueue, tasks []task.NewTask) bool {
	n, bytes := uint64(0), uint64(0)
	for _, t := range m.liveWhere(func(t *modelTask) bool { return t.Queue == q.Name && t.State != task.DeadLetter }) {
		n, bytes = n+1, bytes+uint64(t.PayloadLen)
	}
	for _, t := range tasks {
		if t.Queue == q.Name {
			n, bytes = n+1, bytes+uint64(len(t.Payload))
		}
	}
	s := q.Settings
	return s.MaxTasks > 0 && n > s.MaxTasks || s.MaxBytes > 0 && bytes > s.MaxBytes
}

// replacesParent finds the first task that would replace one which the graph waits for.
func (m *model) replacesParent(tasks []task.NewTask) task.Item {
	var waits []task.ID
	for _, n := range tasks {
		n.Edges = slices.DeleteFunc(slices.Clone(n.Edges), func(e task.Edge) bool { return e.Member != 0 })
		more, _ := m.unfinishedParents(n)
		waits = append(waits, more...)
	}
	for i, n := range tasks {
		q := m.queue(n.Queue)
		if q == nil || n.UniqueKey == "" {
			continue
		}
		h, taken := m.hold(modelKey{q.Number, n.UniqueKey})
		if taken && m.owns(h.holder, modelKey{q.Number, n.UniqueKey}) && slices.Contains(waits, h.holder) {
			return task.Item{ID: h.holder, Other: uint64(i + 1), Code: task.DependencyFailed}
		}
	}
	return task.Item{}
}

// memberEnded notes the end of a workflow's task.
func (m *model) memberEnded(t *modelTask, to task.State) {
	if t.Workflow == 0 {
		return
	}
	w := m.workflow(t.Workflow)
	w.ended[t.ID] = to
	if len(w.ended) == int(w.last-w.id)+1 {
		w.endedAt = m.now
	}
}

func (m *model) workflowView(w *modelWorkflow) task.Workflow {
	v := task.Workflow{
		ID: w.id, Name: w.name, Tasks: uint32(w.last-w.id) + 1, CreatedAt: w.created, EndedAt: w.endedAt,
		Cancelled: w.cancelled, Cancelling: w.cancelling,
	}
	for id := w.id; id <= w.last; id++ {
		state, ended := w.ended[id]
		if !ended {
			state = m.live[id].State
		}
		switch state {
		case task.None:
			v.Counts.Deleted++
		case task.Completed:
			v.Counts.Completed++
		case task.Cancelled:
			v.Counts.Cancelled++
		case task.DeadLetter:
			v.Counts.DeadLetter++
		case task.Running:
			v.Counts.Running++
		default:
			v.Counts.Waiting++
		}
	}
	return v
}

func (m *model) cancelWorkflow(c *task.CancelWorkflow) task.Result {
	w := m.workflow(c.ID)
	if w == nil {
		return task.Result{Code: task.NoSuchWorkflow}
	}
	counts := m.workflowView(w).Counts
	open := counts.Waiting + counts.Running
	if open > 0 {
		w.cancelled, w.cancelling = true, true
	}
	return task.Result{Items: []task.Item{{ID: w.id, Other: uint64(open)}}}
}

// cancelWorkflows cancels what hasn't ended, the last of a workflow's tasks first.
func (m *model) cancelWorkflows() {
	for _, w := range m.workflows {
		if !w.cancelling {
			continue
		}
		w.cancelling = false
		for id := w.last; id >= w.id; id-- {
			if t, live := m.live[id]; live && t.State != task.DeadLetter && t.Workflow == w.id {
				m.cancelOne(id)
			}
		}
	}
}

func (m *model) forgetWorkflows() {
	m.workflows = slices.DeleteFunc(m.workflows, func(w *modelWorkflow) bool {
		return w.endedAt != 0 && w.endedAt+workflowKept <= m.now
	})
}

// compareGraphs checks the workflows, and what is known of parents.
func compareGraphs(t reporter, r *replica, m *model) {
	t.Helper()
	var all []task.Workflow
	for _, w := range m.workflows {
		view := m.workflowView(w)
		all = append([]task.Workflow{view}, all...)
		got, _ := r.machine.Workflow(w.id)
		same(t, fmt.Sprintf("workflow %d", w.id), got, view)
	}
	var got []task.Workflow
	for below := task.ID(0); ; below = got[len(got)-1].ID {
		page := r.machine.Workflows(below, 2)
		got = append(got, page...)
		if len(page) < 2 {
			break
		}
	}
	same(t, "workflows", got, all)
	if w, ok := r.machine.Workflow(m.lastID + 1); ok {
		t.Fatalf("there is a workflow too many: %+v", w)
	}
	for id, l := range m.live {
		same(t, fmt.Sprintf("parents of task %d", id), r.machine.Parents(id), m.outcomes(l.Task))
	}
}
