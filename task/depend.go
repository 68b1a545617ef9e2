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

// neverNeeded has the next Tick tell a new task that its parent completed already, although it is for the parent's failure.
func (m *Machine) neverNeeded(parent ID) {
	if n := len(m.cascades); n > 0 && m.cascades[n-1].parent == parent && m.cascades[n-1].ok {
		m.cascades[n-1].below = m.nextID
		return
	}
	m.cascades = append(m.cascades, cascade{parent, true, m.nextID})
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
	cold := m.coldOf(r)
	if when := cold.whenOf(c.parent); !when.possible(c.ok) {
		switch {
		case when == OnFailure:
			m.toFinished(s, r, Cancelled, ReasonNotNeeded, nil)
		case cold.onFailure == ParentFailureCancel:
			m.toFinished(s, r, Cancelled, ReasonDependency, nil)
		default:
			m.toDeadLetter(s, r, ReasonDependency)
		}
		return
	}
	m.touch(s, r)
	cold.waits = slices.DeleteFunc(cold.waits, func(id ID) bool { return id == c.parent })
	m.setCold(r, cold)
	m.stopWaiting(c.parent)
	if len(cold.waits) == 0 {
		m.toScheduled(s, r, r.at)
	}
}
