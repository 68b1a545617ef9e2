package task

// priorities is how many there are: 0 to 9, and 9 is leased first.
const priorities = 10

// link puts a task into its lane: at the front if its order is below the head's, else at the back.
//
// Invariant: a lane's orders ascend. They do as an order is either below all earlier ones or above them; when a state
// file is loaded, tasks are linked by ascending order.
func (m *Machine) link(s slot, r *record) { m.linkFor(s, r, m.reserve(r)) }

// linkFor puts a task into a lane that is reserved for a session; 0: for none.
func (m *Machine) linkFor(s slot, r *record, session uint64) {
	q := m.queues[r.queue]
	f := &m.flows.all[r.flow]
	t := m.tenantFor(q, f.fairKey)
	m.arrives(q, t)
	n := m.laneFor(q, t, m.singletonFor(q, f.singleton), session, r)
	l := &m.tree.all[n]
	was := m.tree.contribution(n)
	l.count++
	r.owner, r.next, r.prev = n, 0, 0
	switch {
	case l.head == 0:
		l.head, l.tail = s, s
	case r.order < m.tasks.at(l.head).order:
		r.next = l.head
		m.tasks.at(l.head).prev = s
		l.head = s
	default:
		r.prev = l.tail
		m.tasks.at(l.tail).next = s
		l.tail = s
		m.tree.grown(n, m.stages.all)
		return
	}
	m.settle(n, was)
}

// unlink takes a task out of its lane. What is empty then goes.
func (m *Machine) unlink(r *record) {
	n := r.owner
	l := &m.tree.all[n]
	was := m.tree.contribution(n)
	l.count--
	if r.next != 0 {
		m.tasks.at(r.next).prev = r.prev
	} else {
		l.tail = r.prev
	}
	if r.prev != 0 {
		m.tasks.at(r.prev).next = r.next
	} else {
		l.head = r.next
	}
	r.owner, r.next, r.prev = 0, 0, 0
	t := m.tenants.all[m.tree.all[l.parent].key]
	m.settle(n, was)
	if l.count == 0 {
		m.dropLane(m.queues[r.queue], n)
	}
	m.departs(t)
}

// laneFor returns the lane of a task, made if need be, with its share and class.
func (m *Machine) laneFor(q *queue, t *tenant, g *singleton, session uint64, r *record) uint32 {
	f := &m.flows.all[r.flow]
	st := m.stageFor(q, stageKey{f.requirement, session}, f.require)
	key := classKey{queue: q.number, kind: r.kind, stage: st.number, suspect: r.deaths > 0, priority: r.priority}
	class, ok := m.tree.classes[key]
	if !ok {
		class = m.tree.allocParent(node{head: q.number, key: key.stage, index: key.kind, suspect: key.suspect, priority: key.priority})
		m.tree.classes[key] = class
		st.classes++
		m.tree.all[class].tail = slot(len(q.classes))
		q.classes = append(q.classes, class)
	}
	share := m.tree.child(class, t.number)
	if share == 0 {
		share = m.tree.allocParent(node{parent: class, key: t.number, index: uint32(len(t.shares))})
		t.shares = append(t.shares, share)
		m.tree.adopt(class, share)
	}
	lane := m.tree.child(share, g.id())
	if lane == 0 {
		lane = m.tree.alloc(node{parent: share, key: g.id()})
		if g != nil {
			m.tree.all[lane].index = uint32(len(g.lanes))
			g.lanes = append(g.lanes, lane)
		}
		m.tree.adopt(share, lane)
	}
	return lane
}

// dropLane forgets an empty lane, and its share and class if they have no other.
func (m *Machine) dropLane(q *queue, lane uint32) {
	tr := &m.tree
	share := tr.all[lane].parent
	class := tr.all[share].parent
	if g := m.singletons.all[tr.all[lane].key]; g != nil {
		tr.cutOut(&g.lanes, lane)
		m.dropSingleton(g)
	}
	left := tr.disown(share, lane)
	tr.release(lane)
	if left > 0 {
		return
	}
	tr.cutOut(&m.tenants.all[tr.all[share].key].shares, share)
	left = tr.disown(class, share)
	tr.release(share)
	if left > 0 {
		return
	}
	n := tr.all[class]
	delete(tr.classes, classKey{queue: q.number, kind: n.index, stage: n.key, suspect: n.suspect, priority: n.priority})
	last := len(q.classes) - 1
	q.classes[n.tail] = q.classes[last]
	tr.all[q.classes[n.tail]].tail = n.tail
	q.classes = q.classes[:last]
	m.leaveStage(q, m.stages.all[n.key])
	tr.release(class)
}

// cutOut takes a node out of the list whose places its index counts.
func (t *tree) cutOut(list *[]uint32, i uint32) {
	at, last := t.all[i].index, len(*list)-1
	moved := (*list)[last]
	(*list)[at] = moved
	t.all[moved].index = at
	*list = (*list)[:last]
}

// contribution is how many tasks of a node its parent counts.
func (t *tree) contribution(i uint32) uint32 {
	if n := &t.all[i]; n.place != 0 {
		return n.count
	}
	return 0
}

// grown counts one more task at the end of a lane in all that is above it: no place changes.
func (t *tree) grown(i uint32, stages []*stage) {
	for {
		n := &t.all[i]
		switch {
		case n.place == 0:
			return
		case n.parent == 0:
			stages[n.key].ready[b2i(n.suspect)]++
			return
		}
		i = n.parent
		t.all[i].count++
	}
}

// settle brings the place of a node, and what is above it, up to date after its tasks changed, or whether it is open. It is
// given what the node contributed before.
func (m *Machine) settle(i uint32, was uint32) {
	tr := &m.tree
	for {
		n := &tr.all[i]
		open := m.refresh(n)
		if n.parent == 0 {
			s := m.stages.all[n.key]
			s.arrange(tr, i, open)
			s.ready[b2i(n.suspect)] += uint64(tr.contribution(i)) - uint64(was)
			return
		}
		tr.arrange(&tr.all[n.parent].kids.heap, i, open)
		parent := n.parent
		before := tr.contribution(parent)
		tr.all[parent].count += tr.contribution(i) - was
		i, was = parent, before
	}
}

// refresh takes a node's key from what is below it, and reports whether it is open.
func (m *Machine) refresh(n *node) bool {
	switch {
	case n.kids == nil:
		if n.head == 0 {
			return false
		}
		n.order = m.tasks.at(n.head).order
		g := m.singletons.all[n.key]
		return g == nil || !g.taken()
	case len(n.kids.heap) == 0:
		return false
	}
	first := &m.tree.all[n.kids.heap[0]]
	n.turn, n.order = first.turn, first.order
	if n.parent == 0 {
		return true
	}
	t := m.tenants.all[n.key]
	n.turn = t.turn
	return !t.closed
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
