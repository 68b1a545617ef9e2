package task

// Place is where a pending task stands in its queue.
type Place struct {
	// Ahead are the pending tasks with its fair key that are leased before it: of a higher priority, or older. The count ends at
	// the bound that was given.
	Ahead int
	// Keys are the fair keys with pending tasks that take turns in the queue; tasks without a key count as one.
	Keys int
}

// Position returns the place of a pending task; false: it isn't pending.
func (m *Machine) Position(id ID, bound int) (Place, bool) {
	s := m.index.get(id)
	if s == 0 || m.tasks.at(s).state != Pending {
		return Place{}, false
	}
	r := m.tasks.at(s)
	q := m.queues[r.queue]
	p := Place{Keys: q.active}
	t := m.tenants.all[m.tree.all[m.tree.all[r.owner].parent].key]
	for _, share := range t.shares {
		m.tree.each(share, func(lane uint32) bool {
			p.Ahead += m.aheadInLane(q, lane, r, bound-p.Ahead)
			return p.Ahead < bound
		})
	}
	return p, true
}

// aheadInLane counts the tasks of a lane that are leased before one, up to a bound.
func (m *Machine) aheadInLane(q *queue, lane uint32, r *record, bound int) (n int) {
	first := m.tasks.at(m.tree.all[lane].head)
	if q.settings.PriorityAging == 0 && first.priority != r.priority {
		if first.priority < r.priority {
			return 0
		}
		return min(int(m.tree.all[lane].count), bound)
	}
	for s := m.tree.all[lane].head; s != 0 && n < bound; n++ {
		o := m.tasks.at(s)
		if o.priority == r.priority {
			if o.order >= r.order {
				return n
			}
		} else if m.age(q, o) < m.age(q, r) || m.age(q, o) == m.age(q, r) && o.priority < r.priority {
			return n
		}
		s = o.next
	}
	return n
}

// each calls fn for every child of a node, open or not, until it returns false.
func (t *tree) each(parent uint32, fn func(child uint32) bool) {
	k := t.all[parent].kids
	if k.only != 0 {
		fn(k.only)
		return
	}
	for _, child := range k.byKey {
		if !fn(child) {
			return
		}
	}
}

// maxLanesSeen bounds how many lanes oldest looks at.
const maxLanesSeen = 65_536

// oldest returns the earliest enqueue time among the tasks that are the first of their lane; 0: nothing is pending.
func (m *Machine) oldest(q *queue) (at Time) {
	left := maxLanesSeen
	for _, class := range q.classes {
		m.tree.each(class, func(share uint32) bool {
			m.tree.each(share, func(lane uint32) bool {
				if e := m.tasks.at(m.tree.all[lane].head).enqueued; at == 0 || e < at {
					at = e
				}
				left--
				return left > 0
			})
			return left > 0
		})
	}
	return at
}
