package task

import (
	"slices"
	"strings"
)

// parent is a task that live tasks depend on. Its outcome is kept for them, whatever becomes of the history.
//
// Invariant: children counts the live tasks that name it in their parents, and a parent exists while there are any. The
// outcome of one that has ended is a record of the state file, the count follows from the tasks. The results count among the payloads
// in memory, which are what may go instead: a result is read whenever a child is leased.
type parent struct {
	children uint32
	ended    bool
	state    State // None: it was deleted
	omitted  bool
	ref      string // in its workflow
	result   ref    // 0: none
	length   uint32
	hash     uint64
}

// parents has the parents of all live tasks.
type parents struct {
	byID map[ID]*parent
	sum  uint64 // of the hashes of those that have ended
}

func newParents() parents { return parents{byID: map[ID]*parent{}} }

// adopt notes the parents of a task that has entered memory.
func (m *Machine) adopt(r *record, edges []Edge) {
	if len(edges) == 0 {
		return
	}
	r.flags |= flagParents
	for _, e := range edges {
		p := m.parents.byID[e.Parent]
		if p == nil {
			p = &parent{}
			m.parents.byID[e.Parent] = p
		}
		p.children++
	}
}

// adoptNew does so for a new task, which knows the outcomes of parents that have left memory.
func (m *Machine) adoptNew(r *record, t *NewTask, edges []Edge) {
	m.adopt(r, edges)
	for _, e := range edges {
		if m.index.get(e.Parent) == 0 && !m.parents.byID[e.Parent].ended {
			o := t.endedAs(e.Parent)
			m.keepOutcome(e.Parent, o.State, o.Ref, o.Result)
			m.parents.byID[e.Parent].omitted = o.Omitted
			m.rehashParent(e.Parent, m.parents.byID[e.Parent])
		}
	}
}

// orphan forgets the parents that a task which leaves memory was the last child of.
func (m *Machine) orphan(r *record) {
	for _, e := range m.coldOf(r).parents {
		p := m.parents.byID[e.Parent]
		if p.children--; p.children > 0 {
			continue
		}
		if p.ended {
			m.parents.sum -= p.hash
			m.dirty.record(KindParent, uint64(e.Parent))
		}
		if p.result != 0 {
			m.resident -= int(p.length)
			m.arena.release(p.result)
		}
		delete(m.parents.byID, e.Parent)
	}
}

// outlive keeps the outcome of a task that leaves memory, if live tasks depend on it.
func (m *Machine) outlive(r *record, to State, result []byte) {
	if len(m.parents.byID) == 0 || m.parents.byID[r.id] == nil {
		return
	}
	if to == None && r.state == DeadLetter { // it died first
		to = DeadLetter
	}
	_, ref := m.membership(r)
	m.keepOutcome(r.id, to, ref, result)
}

func (m *Machine) keepOutcome(id ID, state State, name string, result []byte) {
	p := m.parents.byID[id]
	p.ended, p.state, p.ref = true, state, strings.Clone(name)
	if n := len(result); n > 0 && n <= maxPayload {
		p.result, p.length = m.arena.put(result), uint32(n)
		m.resident += n
	}
	m.rehashParent(id, p)
	if !m.loading {
		m.dirty.record(KindParent, uint64(id))
		m.dirty.bytes += recordOverhead + len(result)
	}
}

func (m *Machine) rehashParent(id ID, p *parent) {
	m.parents.sum -= p.hash
	o := m.outcomeOf(id, p)
	m.scratch = o.append(m.scratch[:0])
	p.hash = hashOf(uint64(id), m.scratch)
	m.parents.sum += p.hash
}

// outcomeOf is the outcome of a parent that has ended. Its result aliases the arena.
func (m *Machine) outcomeOf(id ID, p *parent) ParentOutcome {
	o := ParentOutcome{ID: id, Ref: p.ref, State: p.state, Omitted: p.omitted}
	if p.result != 0 {
		o.Result = m.arena.get(p.result, int(p.length))
	}
	return o
}

// Parents returns how the parents of a live task ended, or what they are now, in the order of its dependencies, with results
// as long as they are no more than 256 KiB together.
func (m *Machine) Parents(id ID) []ParentOutcome {
	s := m.index.get(id)
	if s == 0 {
		return nil
	}
	return m.outcomes(m.tasks.at(s), map[ID][]byte{})
}

// outcomes copies each result once for all tasks that share a map of copies.
func (m *Machine) outcomes(r *record, copies map[ID][]byte) []ParentOutcome {
	if r.flags&flagParents == 0 {
		return nil
	}
	edges := m.coldOf(r).parents
	out := make([]ParentOutcome, len(edges))
	room := maxParentResults
	for i, e := range edges {
		if s := m.index.get(e.Parent); s != 0 {
			live := m.tasks.at(s)
			_, name := m.membership(live)
			out[i] = ParentOutcome{ID: e.Parent, Ref: strings.Clone(name), State: live.state}
			continue
		}
		o := m.outcomeOf(e.Parent, m.parents.byID[e.Parent])
		if len(o.Result) > room {
			o.Result, o.Omitted = nil, true
		}
		if n := len(o.Result); n > 0 {
			room -= n
			if copies[o.ID] == nil {
				copies[o.ID] = slices.Clone(o.Result)
			}
			o.Result = copies[o.ID]
		}
		out[i] = o
	}
	return out
}

// parentRecord encodes a parent's outcome for the state file; nil: it is forgotten.
func (m *Machine) parentRecord(id ID) []byte {
	p := m.parents.byID[id]
	if p == nil || !p.ended {
		return nil
	}
	o := m.outcomeOf(id, p)
	return o.append([]byte{recordVersion})
}

// readParent enters a parent's outcome of the state file.
func (m *Machine) readParent(id ID, b []byte) error {
	r := reader{b: b}
	version := r.byte()
	var o ParentOutcome
	o.read(&r)
	if r.done() != nil || version != recordVersion || o.ID != id || len(o.Result) > maxPayload ||
		o.State != None && o.State != DeadLetter && !o.State.Finished() {
		return errCorrupt
	}
	p := &parent{omitted: o.Omitted}
	m.parents.byID[id] = p
	m.keepOutcome(id, o.State, o.Ref, o.Result)
	return nil
}

// checkParents reports whether every outcome that was loaded has a child, and no live parent has one.
func (m *Machine) checkParents() bool {
	for id, p := range m.parents.byID {
		if p.children == 0 || p.ended == (m.index.get(id) != 0) {
			return false
		}
	}
	return true
}
