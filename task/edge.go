package task

import "slices"

// maxParentResults is how many bytes of its parents' results a leased task gets.
const maxParentResults = 256 << 10

// EdgeWhen says which end of a parent lets its child run.
type EdgeWhen uint8

// The kinds of edges. Their numbers are part of the formats.
const (
	// OnSuccess lets the child run when the parent has completed.
	OnSuccess EdgeWhen = iota
	// OnFailure lets the child run when the parent died, or was cancelled or deleted. If it completes, the child is not needed.
	OnFailure
	// OnAny lets the child run when the parent has ended, however.
	OnAny

	edgeWhenCount
)

var edgeWhenNames = [edgeWhenCount]string{"success", "failure", "any"}

// String returns the name that users see.
func (w EdgeWhen) String() string {
	if w < edgeWhenCount {
		return edgeWhenNames[w]
	}
	return "invalid"
}

// possible reports whether an edge can still come true once its parent has ended.
func (w EdgeWhen) possible(completed bool) bool {
	return w == OnAny || completed == (w == OnSuccess)
}

// Edge is a dependency of a task on another.
type Edge struct {
	Parent ID
	// Member is an earlier task of the same graph, from 1 on, in place of a Parent that has no ID yet.
	Member uint32
	When   EdgeWhen
}

// ParentFailure says what becomes of a task whose parent can't complete any more.
type ParentFailure uint8

// The policies. Their numbers are part of the formats.
const (
	// ParentFailureDeadLetter makes it a dead letter.
	ParentFailureDeadLetter ParentFailure = iota
	// ParentFailureCancel cancels it.
	ParentFailureCancel

	parentFailureCount
)

var parentFailureNames = [parentFailureCount]string{"dead_letter", "cancel"}

// String returns the name that users see.
func (p ParentFailure) String() string {
	if p < parentFailureCount {
		return parentFailureNames[p]
	}
	return "invalid"
}

// ParentOutcome is how a parent of a task ended, or what it is now. None: it was deleted.
type ParentOutcome struct {
	ID     ID
	Ref    string // in its workflow
	State  State
	Result []byte
	// Omitted means that it has a result which isn't carried, because the parents' results are too large together.
	Omitted bool
}

func (o *ParentOutcome) append(b []byte) []byte {
	b = append(appendUint(b, uint64(o.ID)), byte(o.State))
	return appendBool(appendBytes(appendBytes(b, o.Ref), o.Result), o.Omitted)
}

func (o *ParentOutcome) read(r *reader) {
	o.ID, o.State = ID(r.uint()), State(r.byteMax(byte(stateCount-1)))
	o.Ref, o.Result, o.Omitted = r.string(), r.bytes(), r.bool()
}

func appendEdges(b []byte, edges []Edge) []byte {
	b = appendUint(b, uint64(len(edges)))
	for _, e := range edges {
		b = append(appendUint(appendUint(b, uint64(e.Parent)), uint64(e.Member)), byte(e.When))
	}
	return b
}

func (r *reader) edges() []Edge {
	n := r.count()
	if n == 0 {
		return nil
	}
	edges := make([]Edge, n)
	for i := range edges {
		edges[i] = Edge{ID(r.uint()), uint32(r.uintMax(1<<32 - 1)), EdgeWhen(r.byteMax(byte(edgeWhenCount - 1)))}
	}
	return edges
}

// usesGraph reports whether a task has a field that came with graphs.
func (t *NewTask) usesGraph() bool {
	return len(t.Edges) > 0 || len(t.Ended) > 0 || t.OnParentFailure != 0 || t.Ref != ""
}

// appendGraph encodes those fields.
func (t *NewTask) appendGraph(b []byte) []byte {
	b = appendEdges(append(appendBytes(b, t.Ref), byte(t.OnParentFailure)), t.Edges)
	b = appendUint(b, uint64(len(t.Ended)))
	for i := range t.Ended {
		b = t.Ended[i].append(b)
	}
	return b
}

func (t *NewTask) readGraph(r *reader) {
	t.Ref, t.OnParentFailure, t.Edges = r.string(), ParentFailure(r.byteMax(byte(parentFailureCount-1))), r.edges()
	if n := r.count(); n > 0 {
		t.Ended = make([]ParentOutcome, n)
		for i := range t.Ended {
			t.Ended[i].read(r)
		}
	}
}

// lineage is what the dependencies of a new task come to.
type lineage struct {
	parents []Edge // each once, where they are kept
	waits   []ID   // of them those that haven't ended
	never   ID     // one that completed, although the task is for its failure; 0: none
}

// resolveParents returns the parents that a new task has, and must wait for.
func (m *Machine) resolveParents(t *NewTask) (l lineage, code Code) {
	if len(t.DependsOn) == 0 && len(t.Edges) == 0 {
		return l, OK
	}
	for _, id := range t.DependsOn {
		if code := m.resolveParent(&l, t, Edge{Parent: id}); code != OK {
			return l, code
		}
	}
	for _, e := range t.Edges {
		if code := m.resolveParent(&l, t, e); code != OK {
			return l, code
		}
	}
	return l, OK
}

func (m *Machine) resolveParent(l *lineage, t *NewTask, e Edge) Code {
	if e.Member != 0 { // only a graph has members
		return Invalid
	}
	s := m.index.get(e.Parent)
	live := s != 0
	ended := !live || m.tasks.at(s).state == DeadLetter
	completed := !live && t.parentCompleted(e.Parent)
	switch {
	case !live && !completed && !t.parentCancelled(e.Parent):
		return ResolveAgain
	case !ended:
		if !slices.Contains(l.waits, e.Parent) {
			l.waits = append(l.waits, e.Parent)
		}
	case e.When.possible(completed):
	case e.When == OnSuccess:
		return DependencyFailed
	case l.never == 0:
		l.never = e.Parent
	}
	if m.level >= LevelFeatures || len(t.Edges) > 0 {
		if !slices.ContainsFunc(l.parents, func(p Edge) bool { return p.Parent == e.Parent }) {
			l.parents = append(l.parents, Edge{Parent: e.Parent, When: e.When})
		}
	}
	return OK
}

// parentCompleted reports whether the proposer found a parent completed.
func (t *NewTask) parentCompleted(id ID) bool {
	return slices.Contains(t.ParentsDone, id) ||
		slices.ContainsFunc(t.Ended, func(o ParentOutcome) bool { return o.ID == id && o.State == Completed })
}

func (t *NewTask) parentCancelled(id ID) bool {
	return slices.ContainsFunc(t.Ended, func(o ParentOutcome) bool { return o.ID == id && o.State == Cancelled })
}

// endedAs is what the proposer found of a parent that has ended.
func (t *NewTask) endedAs(id ID) ParentOutcome {
	for _, o := range t.Ended {
		if o.ID == id && o.State.Finished() {
			return o
		}
	}
	return ParentOutcome{ID: id, State: Completed}
}

// whenOf is what a task waits for in a parent.
func (c *cold) whenOf(parent ID) EdgeWhen {
	for _, e := range c.parents {
		if e.Parent == parent {
			return e.When
		}
	}
	return OnSuccess
}
