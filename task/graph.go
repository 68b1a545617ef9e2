package task

import (
	"slices"
	"strings"
)

// EnqueueGraph accepts tasks that depend on each other, all or none of them. An edge names an earlier task of the graph as a
// member, so that there can be no cycle. The result has Items[i] = {ID, State} for each task, and the first one's ID is the
// workflow's. A refusal has one item: Other is the number of the task that it is about, from 1 on, or 0, and ID a task that is
// in its way. ResolveAgain asks for a parent that isn't live.
type EnqueueGraph struct {
	Name  string
	Tasks []NewTask
}

// CancelWorkflow cancels the tasks of a workflow that haven't ended, in steps that Ticks continue. Dead letters stay.
// Items[0] = {ID, Other: how many haven't ended}.
type CancelWorkflow struct{ ID ID }

func (*EnqueueGraph) opcode() opcode   { return opEnqueueGraph }
func (*CancelWorkflow) opcode() opcode { return opCancelWorkflow }

func (c *EnqueueGraph) encode(b []byte) []byte {
	b = appendUint(appendBytes(b, c.Name), uint64(len(c.Tasks)))
	for i := range c.Tasks {
		b = c.Tasks[i].append(b)
	}
	return b
}

func (c *EnqueueGraph) decode(r *reader) {
	c.Name = r.string()
	c.Tasks = make([]NewTask, r.uintMax(uint64(len(r.b)/minNewTask)))
	for i := range c.Tasks {
		c.Tasks[i].read(r)
	}
}

func (c *CancelWorkflow) encode(b []byte) []byte { return appendUint(b, uint64(c.ID)) }
func (c *CancelWorkflow) decode(r *reader)       { c.ID = ID(r.uint()) }

// enqueueGraph checks everything before it changes anything.
func (m *Machine) enqueueGraph(c *EnqueueGraph) Result {
	if len(c.Tasks) == 0 || len(c.Tasks) > MaxGraphTasks {
		return Result{Code: Invalid}
	}
	if len(m.workflows.byID) >= maxWorkflows {
		return Result{Code: TooManyWorkflows}
	}
	g := graphCheck{queues: map[string]struct{}{}, keys: map[queueNameKey]struct{}{}, fresh: map[string]load{}}
	for i := range c.Tasks {
		if it := m.checkMember(&g, c.Tasks, i); it.Code == ResolveAgain {
			return Result{Code: ResolveAgain}
		} else if it.Code != OK {
			it.Other = uint64(i + 1)
			return Result{Code: it.Code, Items: []Item{it}}
		}
	}
	for _, v := range g.victims { // none may be a parent, whichever task replaces it
		if slices.Contains(g.parents, v.ID) {
			return Result{Code: DependencyFailed, Items: []Item{v}}
		}
	}
	return m.acceptGraph(c)
}

// graphCheck is what the tasks of a graph want together.
type graphCheck struct {
	queues  map[string]struct{} // that don't exist yet
	keys    map[queueNameKey]struct{}
	parents []ID // outside of the graph
	victims []Item
	fresh   map[string]load // by queue, what it gets
}

// load is what counts for a queue's quota.
type load struct{ tasks, bytes uint64 }

type queueNameKey struct{ queue, key string }

// checkMember says whether accept would refuse a task of the graph, if it came after those before it.
func (m *Machine) checkMember(g *graphCheck, tasks []NewTask, i int) Item {
	t := &tasks[i]
	if len(t.Payload) > maxPayload {
		return Item{Code: Invalid}
	}
	q := m.queueNames[t.Queue]
	if q == nil {
		g.queues[t.Queue] = struct{}{}
		if len(m.queues)+len(g.queues) > maxQueues+1 {
			return Item{Code: TooManyQueues}
		}
	} else if q.mode == QueueDraining {
		return Item{Code: Draining}
	}
	if code := m.admitToBatch(t.Batch); code != OK {
		return Item{Code: code}
	}
	if t.UniqueMode == UniqueDebounce { // it would be another task's end, or none
		return Item{Code: Invalid}
	}
	l := g.fresh[t.Queue]
	if q != nil && !q.admitsMore(l, len(t.Payload)) {
		return Item{Code: QueueFull}
	}
	g.fresh[t.Queue] = load{l.tasks + 1, l.bytes + uint64(len(t.Payload))}
	outside := *t
	outside.Edges = nil
	for _, e := range t.Edges {
		if e.Member == 0 {
			outside.Edges = append(outside.Edges, e)
		} else if int(e.Member) > i || e.Parent != 0 {
			return Item{Code: Invalid}
		}
	}
	line, code := m.resolveParents(&outside)
	if code != OK {
		return Item{Code: code}
	}
	g.parents = append(g.parents, line.waits...)
	if t.UniqueKey == "" {
		return Item{}
	}
	name := queueNameKey{t.Queue, t.UniqueKey}
	if _, twice := g.keys[name]; twice {
		return Item{Code: UniqueTaken}
	}
	g.keys[name] = struct{}{}
	if q == nil {
		return Item{}
	}
	answer, victim, free := m.claim(makeUniqueKey(q.number, t.UniqueKey), t.UniqueMode)
	if !free {
		return Item{ID: answer.ID, Code: UniqueTaken}
	}
	if victim != 0 {
		g.victims = append(g.victims, Item{ID: m.tasks.at(victim).id, Other: uint64(i + 1), Code: DependencyFailed})
	}
	return Item{}
}

func (m *Machine) acceptGraph(c *EnqueueGraph) Result {
	w := &workflow{id: m.nextID, name: strings.Clone(c.Name), members: uint32(len(c.Tasks)), created: m.now}
	m.workflows.add(w)
	items := make([]Item, len(c.Tasks))
	for i := range c.Tasks {
		t := c.Tasks[i]
		t.Edges = slices.Clone(t.Edges)
		for j, e := range t.Edges {
			if e.Member != 0 {
				t.Edges[j] = Edge{Parent: w.id + ID(e.Member) - 1, When: e.When}
			}
		}
		items[i] = m.acceptFor(&t, source{workflow: w})
		if items[i].Code != OK {
			panic("task: a graph that was checked is refused")
		}
	}
	return Result{Items: items}
}
