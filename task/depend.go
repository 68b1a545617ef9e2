package task

import "slices"

// family is the blocked children of one parent.
type family struct {
	children []ID // in the order of their IDs; some may have stopped waiting
	waiting  int  // how many still wait
}

// cascade is a parent that ended, whose children still have to be told, in steps.
type cascade struct {
	parent ID
	ok     bool // it completed
	below  ID   // children from here on came later: when the parent, a dead letter, had been retried
}

// resolveParents returns the parents that a new task must wait for.
func (m *Machine) resolveParents(t *NewTask) ([]ID, Code) {
	var waits []ID
	for _, id := range t.DependsOn {
		s := m.index.get(id)
		switch {
		case s == 0 && slices.Contains(t.ParentsDone, id):
		case s == 0:
			return nil, ResolveAgain
		case m.tasks.at(s).state == DeadLetter:
			return nil, DependencyFailed
		case !slices.Contains(waits, id):
			waits = append(waits, id)
		}
	}
	return waits, OK
}

// await enters a blocked task with the parents that it waits for.
func (m *Machine) await(child ID, parents []ID) {
	for _, p := range parents {
		f := m.families[p]
		if f == nil {
			f = &family{}
			m.families[p] = f
		}
		f.children = append(f.children, child)
		f.waiting++
	}
}

// stopWaiting takes one child off a parent's count.
func (m *Machine) stopWaiting(parent ID) {
	if f := m.families[parent]; f != nil {
		if f.waiting--; f.waiting == 0 {
			delete(m.families, parent)
		}
	}
}

// parentEnded notes that a parent's children are to be told that it completed, or can't any more.
func (m *Machine) parentEnded(id ID, ok bool) {
	if m.families[id] != nil {
		m.cascades = append(m.cascades, cascade{id, ok, m.nextID})
	}
}

// stepCascades tells children, oldest parent first, as long as the budget lasts. A child that dies adds a cascade of
// its own at the end.
func (m *Machine) stepCascades() {
	for len(m.cascades) > 0 {
		c := m.cascades[0]
		for f := m.families[c.parent]; f != nil && len(f.children) > 0 && f.children[0] < c.below; f = m.families[c.parent] {
			if m.budget == 0 {
				return
			}
			child := f.children[0]
			f.children = f.children[1:]
			if s := m.index.get(child); s != 0 && m.tasks.at(s).state == Blocked {
				m.budget--
				m.tellChild(s, m.tasks.at(s), c)
			}
		}
		m.cascades = m.cascades[1:]
	}
}

func (m *Machine) tellChild(s slot, r *record, c cascade) {
	if !c.ok {
		m.toDeadLetter(s, r, ReasonDependency)
		return
	}
	m.touch(s, r)
	cold := m.coldOf(r)
	cold.waits = slices.DeleteFunc(cold.waits, func(id ID) bool { return id == c.parent })
	m.setCold(r, cold)
	m.stopWaiting(c.parent)
	if len(cold.waits) == 0 {
		m.toScheduled(s, r, r.at)
	}
}
