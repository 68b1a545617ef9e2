package task

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxWorkflows is how many workflows are remembered.
	maxWorkflows = 100_000
	// workflowRetention is how long one is remembered after the last of its tasks has left memory.
	workflowRetention = 24 * 3600 * second
	// MaxGraphTasks is how many tasks a graph may have.
	MaxGraphTasks = 1000
)

// WorkflowCounts is how many tasks of a workflow are in which state. Their sum is the number of its tasks.
type WorkflowCounts struct {
	Waiting    uint32 // scheduled, blocked or pending
	Running    uint32
	Completed  uint32
	Cancelled  uint32
	DeadLetter uint32
	Deleted    uint32
}

// workflow is what is kept of tasks that were accepted together.
//
// Invariant: it exists while one of its tasks is live, and its counts follow their states. Its tasks' IDs adjoin.
type workflow struct {
	id      ID // its first task's
	name    string
	members uint32
	created Time
	counts  WorkflowCounts
	ended   Time // when the last of its tasks left memory; 0: some are live
	// cancelled means that somebody cancelled it; cursor is the ID below which its tasks are still to be cancelled, or 0.
	cancelled bool
	cursor    ID

	hashPart

	loaded WorkflowCounts // of its live tasks, while a state file is being read
}

// workflows has all workflows.
type workflows struct {
	byID       map[ID]*workflow
	order      []ID // ascending
	cancelling []ID // those with a cursor, ascending
	hashes     hashSum
}

func newWorkflows() workflows { return workflows{byID: map[ID]*workflow{}} }

// add enters a workflow, later than all others.
func (t *workflows) add(w *workflow) {
	t.byID[w.id] = w
	t.order = append(t.order, w.id)
	if w.cursor != 0 {
		t.cancelling = append(t.cancelling, w.id)
	}
}

// changed notes that a workflow has to be saved and hashed again.
func (m *Machine) changed(w *workflow) {
	m.dirty.record(KindWorkflow, uint64(w.id))
	m.workflows.hashes.changed(w)
}

// count returns the counter of a state.
func (c *WorkflowCounts) count(s State) *uint32 {
	switch s {
	case Running:
		return &c.Running
	case Completed:
		return &c.Completed
	case Cancelled:
		return &c.Cancelled
	case DeadLetter:
		return &c.DeadLetter
	case None:
		return &c.Deleted
	}
	return &c.Waiting
}

// live is the number of tasks in memory.
func (c *WorkflowCounts) live() uint32 { return c.Waiting + c.Running + c.DeadLetter }

// membership is the workflow and the name in it of a task; 0 for one that is in none. The name aliases the arena.
func (m *Machine) membership(r *record) (ID, string) {
	if r.flags&flagMember == 0 {
		return 0, ""
	}
	c := m.coldOf(r)
	return c.workflow, c.ref
}

// countMember follows a task of a workflow into its next state.
func (m *Machine) countMember(r *record, from, to State) {
	id, _ := m.membership(r)
	w := m.workflows.byID[id]
	if from != None { // a new one
		*w.counts.count(from)--
	}
	*w.counts.count(to)++
	if w.counts.live() == 0 {
		w.ended = m.now
		m.armWorkflow(w)
	}
	m.changed(w)
}

func (m *Machine) armWorkflow(w *workflow) {
	m.alarms.push(alarm{at: after(w.ended, workflowRetention), kind: alarmWorkflow, id: uint64(w.id)})
}

// workflowAlarm forgets a workflow that ended long ago.
func (m *Machine) workflowAlarm(id ID) bool {
	w := m.workflows.byID[id]
	if w == nil || w.ended == 0 || after(w.ended, workflowRetention) > m.now {
		return false
	}
	t := &m.workflows
	delete(t.byID, id)
	if i, ok := slices.BinarySearch(t.order, id); ok {
		t.order = slices.Delete(t.order, i, i+1)
	}
	t.hashes.drop(w)
	m.dirty.record(KindWorkflow, uint64(id))
	return true
}

// cancelWorkflow begins to cancel what hasn't ended of a workflow.
func (m *Machine) cancelWorkflow(c *CancelWorkflow) Result {
	w := m.workflows.byID[c.ID]
	if w == nil {
		return Result{Code: NoSuchWorkflow}
	}
	open := w.counts.Waiting + w.counts.Running
	if open > 0 {
		if w.cursor == 0 {
			i, _ := slices.BinarySearch(m.workflows.cancelling, w.id)
			m.workflows.cancelling = slices.Insert(m.workflows.cancelling, i, w.id)
		}
		w.cursor, w.cancelled = w.id+ID(w.members), true
		m.changed(w)
	}
	return Result{Items: []Item{{ID: w.id, Other: uint64(open)}}}
}

// stepCancels goes on with the oldest workflow that is being cancelled, the last of its tasks first, so that none starts, or
// dies, because the one before it was cancelled. It returns whether that workflow is finished.
func (m *Machine) stepCancels() bool {
	w := m.workflows.byID[m.workflows.cancelling[0]]
	for w.cursor > w.id {
		if m.budget == 0 {
			m.changed(w)
			return false
		}
		w.cursor--
		s := m.index.get(w.cursor)
		if s == 0 || m.tasks.at(s).state == DeadLetter || m.tasks.at(s).flags&flagMember == 0 { // put back, it is no member any more
			continue
		}
		m.budget--
		_ = m.cancel(s, m.tasks.at(s)) // nothing refuses
	}
	w.cursor = 0
	m.workflows.cancelling = m.workflows.cancelling[1:]
	m.changed(w)
	return true
}

func (w *workflow) append(b []byte) []byte {
	b = appendBytes(append(b, recordVersion), w.name)
	b = appendInt(appendInt(appendUint(b, uint64(w.members)), w.created), w.ended)
	for _, n := range w.counts.all() {
		b = appendUint(b, uint64(*n))
	}
	return appendUint(appendBool(b, w.cancelled), uint64(w.cursor))
}

func (c *WorkflowCounts) all() []*uint32 {
	return []*uint32{&c.Waiting, &c.Running, &c.Completed, &c.Cancelled, &c.DeadLetter, &c.Deleted}
}

// readWorkflow enters a workflow of the state file.
func (m *Machine) readWorkflow(id ID, b []byte) error {
	r := reader{b: b}
	version := r.byte()
	w := &workflow{id: id, name: strings.Clone(r.string()), members: uint32(r.uintMax(MaxGraphTasks)), created: r.int(), ended: r.int()}
	sum := uint64(0)
	for _, n := range w.counts.all() {
		*n = uint32(r.uintMax(MaxGraphTasks))
		sum += uint64(*n)
	}
	w.cancelled, w.cursor = r.bool(), ID(r.uint())
	last := id + ID(w.members)
	if r.done() != nil || version != recordVersion || sum != uint64(w.members) || id == 0 || last < id || last > m.nextID ||
		(w.ended != 0) != (w.counts.live() == 0) || w.cursor != 0 && (w.cursor <= id || w.cursor > last) {
		return errCorrupt
	}
	m.workflows.add(w)
	m.changed(w)
	if w.ended != 0 {
		m.armWorkflow(w)
	}
	return nil
}

// enroll notes that a loaded task is in a workflow.
func (m *Machine) enroll(r *record, c *cold) bool {
	if c.workflow == 0 {
		return true
	}
	r.flags |= flagMember
	w := m.workflows.byID[c.workflow]
	if w == nil || r.id < w.id || r.id >= w.id+ID(w.members) {
		return false
	}
	*w.loaded.count(r.state)++
	return true
}

// checkWorkflows reports whether the counts of the loaded workflows are those of their tasks.
func (m *Machine) checkWorkflows() bool {
	for _, w := range m.workflows.byID {
		c := w.loaded
		if c.Waiting != w.counts.Waiting || c.Running != w.counts.Running || c.DeadLetter != w.counts.DeadLetter {
			return false
		}
	}
	return true
}

func (w *workflow) hashNow(m *Machine) uint64 {
	m.scratch = w.append(m.scratch[:0])
	return hashOf(uint64(w.id), m.scratch)
}

// Workflow is a copy of what is kept of tasks that were accepted together.
type Workflow struct {
	ID         ID // its first task's; the others' adjoin
	Name       string
	Tasks      uint32
	CreatedAt  Time
	EndedAt    Time // when the last of its tasks completed, or was cancelled or deleted; 0: some are live
	Counts     WorkflowCounts
	Cancelled  bool // somebody cancelled it
	Cancelling bool // that goes on
}

func (w *workflow) view() Workflow {
	return Workflow{
		ID: w.id, Name: w.name, Tasks: w.members, CreatedAt: w.created, EndedAt: w.ended, Counts: w.counts,
		Cancelled: w.cancelled, Cancelling: w.cursor != 0,
	}
}

// Workflow returns the workflow whose first task is given.
func (m *Machine) Workflow(id ID) (Workflow, bool) {
	w := m.workflows.byID[id]
	if w == nil {
		return Workflow{}, false
	}
	return w.view(), true
}

// Workflows returns up to limit workflows by descending ID, the newest first; those below an ID, or with 0 all.
func (m *Machine) Workflows(below ID, limit int) []Workflow {
	order := m.workflows.order
	i := len(order)
	if below != 0 {
		i, _ = slices.BinarySearchFunc(order, below, cmp.Compare[ID])
	}
	var out []Workflow
	for i--; i >= 0 && len(out) < limit; i-- {
		out = append(out, m.workflows.byID[order[i]].view())
	}
	return out
}
