package task

// lanes checks the tree in which the pending tasks wait: each is in the one lane that it belongs to, in its order, and each
// node has the place and the count that follow from what is below it.
func (c *checker) lanes() {
	m := c.m
	nodes, pending := 1, int64(0)
	for _, q := range m.queues[1:] {
		ready := map[uint32]*[2]uint64{}
		open := map[uint32]int{}
		for i, class := range q.classes {
			n := &m.tree.all[class]
			nodes++
			if n.kids == nil || n.head != q.number || int(n.tail) != i || int(n.key) >= len(m.stages.all) || m.stages.all[n.key] == nil {
				c.report("lanes", 0, "class %d of queue %s isn't what it should be", i, q.name)
				continue
			}
			tasks, below := c.class(q, class)
			pending += tasks
			nodes += below
			if ready[n.key] == nil {
				ready[n.key] = &[2]uint64{}
			}
			if n.place != 0 {
				open[n.key]++
				ready[n.key][b2i(n.suspect)] += uint64(n.count)
			}
		}
		for _, s := range q.stages {
			c.stage(q, s, ready[s.number], open[s.number])
		}
	}
	waiting := int64(0)
	for _, q := range m.queues[1:] {
		waiting += int64(q.live[Pending])
	}
	c.expect("lanes", 0, "the number of tasks in lanes", pending, waiting)
	c.expect("lanes", 0, "the number of nodes", int64(len(m.tree.all)-len(m.tree.free)), int64(nodes))
}

// stage checks the heaps of a stage.
func (c *checker) stage(q *queue, s *stage, ready *[2]uint64, open int) {
	if ready == nil {
		ready = &[2]uint64{}
	}
	part := "queue " + q.name
	inHeaps := 0
	for suspect := range s.heaps {
		c.expect(part, 0, "the number of tasks that may be leased", int64(s.ready[suspect]), int64(ready[suspect]))
		for priority, h := range s.heaps[suspect] {
			inHeaps += len(h)
			c.heap(part, h)
			if (s.nonEmpty[suspect]&(1<<priority) != 0) != (len(h) > 0) {
				c.report(part, 0, "priority %d isn't known to have tasks, or none", priority)
			}
		}
	}
	c.expect(part, 0, "the number of open classes", int64(inHeaps), int64(open))
}

// heap checks places and order of a heap of nodes.
func (c *checker) heap(part string, h []uint32) {
	t := &c.m.tree
	for i, n := range h {
		if t.all[n].place != uint32(i+1) {
			c.report(part, 0, "a node at %d of its heap believes to be at %d", i, int(t.all[n].place)-1)
		}
		if i > 0 && t.less(n, h[(i-1)/2]) {
			c.report(part, 0, "a heap of nodes is out of order at %d", i)
		}
	}
}

// children lists all children of a node, open or not.
func (t *tree) children(i uint32) []uint32 {
	k := t.all[i].kids
	if k.only != 0 {
		return []uint32{k.only}
	}
	all := make([]uint32, 0, len(k.byKey))
	for _, key := range sortedKeys(k.byKey) {
		all = append(all, k.byKey[key])
	}
	return all
}

// class checks a class, and returns the tasks and the nodes below it.
func (c *checker) class(q *queue, class uint32) (tasks int64, nodes int) {
	m := c.m
	n := &m.tree.all[class]
	key := classKey{queue: q.number, kind: n.index, stage: n.key, suspect: n.suspect, priority: n.priority}
	if m.tree.classes[key] != class {
		c.report("lanes", 0, "a class of queue %s isn't found by its key", q.name)
	}
	for _, share := range m.tree.children(class) {
		nodes++
		s := &m.tree.all[share]
		if s.kids == nil || s.parent != class || int(s.key) >= len(m.tenants.all) || m.tenants.all[s.key] == nil {
			c.report("lanes", 0, "a share of queue %s isn't what it should be", q.name)
			continue
		}
		t := m.tenants.all[s.key]
		if int(s.index) >= len(t.shares) || t.shares[s.index] != share {
			c.report("lanes", 0, "fair key %q of queue %s doesn't know a share", t.at.key, q.name)
		}
		for _, lane := range m.tree.children(share) {
			nodes++
			tasks += c.lane(q, class, share, lane)
		}
		c.parentNode(q, share, t.closed)
		if s.place != 0 && s.turn != t.turn {
			c.report("lanes", 0, "the turn of fair key %q of queue %s is %d, and a share has %d", t.at.key, q.name, t.turn, s.turn)
		}
	}
	c.parentNode(q, class, false)
	return tasks, nodes
}

// parentNode checks what a node has of its children.
func (c *checker) parentNode(q *queue, i uint32, closed bool) {
	t := &c.m.tree
	n := &t.all[i]
	kids := t.children(i)
	open, count := 0, uint32(0)
	for _, k := range kids {
		open += b2i(t.all[k].place != 0)
		count += t.contribution(k)
	}
	c.heap("queue "+q.name, n.kids.heap)
	c.expect("lanes", 0, "the number of children", int64(n.kids.n), int64(len(kids)))
	c.expect("lanes", 0, "the number of open children", int64(len(n.kids.heap)), int64(open))
	c.expect("lanes", 0, "the number of tasks below a node", int64(n.count), int64(count))
	if (n.place != 0) != (open > 0 && !closed) {
		c.report("lanes", 0, "a node of queue %s is open, or closed, and shouldn't be", q.name)
	}
	if open > 0 && t.all[n.kids.heap[0]].order != n.order {
		c.report("lanes", 0, "a node of queue %s has order %d, and its first child %d", q.name, n.order, t.all[n.kids.heap[0]].order)
	}
}

// lane checks a lane and its tasks.
func (c *checker) lane(q *queue, class, share, lane uint32) int64 {
	m := c.m
	l := &m.tree.all[lane]
	if l.kids != nil || l.parent != share || int(l.key) >= len(m.singletons.all) {
		c.report("lanes", 0, "a lane of queue %s isn't what it should be", q.name)
		return 0
	}
	g := m.singletons.all[l.key]
	tasks := int64(0)
	previous := slot(0)
	for s := l.head; s != 0 && tasks <= int64(l.count); previous, s = s, m.tasks.at(s).next {
		tasks++
		r := m.tasks.at(s)
		if r.prev != previous || previous != 0 && m.tasks.at(previous).order >= r.order {
			c.report("lanes", r.id, "it is out of order in its lane")
		}
		if !c.belongs(q, class, share, lane, r) {
			c.report("lanes", r.id, "it is in a lane that it doesn't belong to")
		}
	}
	c.expect("lanes", 0, "the number of tasks of a lane of queue "+q.name, int64(l.count), tasks)
	switch {
	case l.tail != previous || l.head == 0:
		c.report("lanes", 0, "a lane of queue %s has another end than its tasks", q.name)
	case l.place != 0 && l.order != m.tasks.at(l.head).order:
		c.report("lanes", 0, "a lane of queue %s has order %d, and its first task %d", q.name, l.order, m.tasks.at(l.head).order)
	}
	if (l.place != 0) != (l.head != 0 && (g == nil || !g.taken())) {
		c.report("lanes", 0, "a lane of queue %s is open, or closed, and shouldn't be", q.name)
	}
	if g != nil && (int(l.index) >= len(g.lanes) || g.lanes[l.index] != lane) {
		c.report("lanes", 0, "singleton key %q of queue %s doesn't know a lane", g.at.key, q.name)
	}
	return tasks
}

// belongs reports whether a task is in the lane where dispatch would look for it.
func (c *checker) belongs(q *queue, class, share, lane uint32, r *record) bool {
	m := c.m
	n, f := &m.tree.all[class], &m.flows.all[r.flow]
	t, g := m.tenants.all[m.tree.all[share].key], m.singletons.all[m.tree.all[lane].key]
	single := ""
	if g != nil {
		single = g.at.key
	}
	return r.state == Pending && r.owner == lane && r.queue == q.number && r.kind == n.index && r.priority == n.priority &&
		n.suspect == (r.deaths > 0) && t.at == queueKey{q.number, f.fairKey} && single == f.singleton &&
		m.stages.all[n.key].key.requirement == f.requirement
}

// tenants checks the counts of the fair keys.
func (c *checker) tenants() {
	m := c.m
	pending, running := map[queueKey]int64{}, map[queueKey]int64{}
	c.each(func(_ slot, r *record) {
		key := queueKey{r.queue, m.flows.all[r.flow].fairKey}
		switch {
		case r.state == Pending:
			pending[key]++
		case r.state == Running && key.key != "":
			running[key]++
		}
	})
	active := map[uint32]int64{}
	known := 0
	for _, t := range m.tenants.all[1:] {
		if t == nil {
			continue
		}
		known++
		part := "fair key " + t.at.key + " of queue " + m.queues[t.at.queue].name
		c.expect(part, 0, "the number of pending tasks", int64(t.pending), pending[t.at])
		c.expect(part, 0, "the number of running tasks", int64(t.running), running[t.at])
		if t.pending > 0 {
			active[t.at.queue]++
		}
		if m.tenants.byKey[t.at] != t.number || m.tenants.byStored[t.stored] != t.number {
			c.report(part, 0, "it isn't found by its key")
		}
		if t.pending == 0 && (t.turn != 0 || t.used != 0) {
			c.report(part, 0, "it has a turn and nothing waits")
		}
		delete(pending, t.at)
		delete(running, t.at)
	}
	c.expect("fair keys", 0, "the number of keys", int64(len(m.tenants.byKey)), int64(known))
	c.expect("fair keys", 0, "the number of keys with tasks that aren't known", 0, int64(len(pending)+len(running)))
	for _, q := range m.queues[1:] {
		c.expect("queue "+q.name, 0, "the number of fair keys with pending tasks", int64(q.active), active[q.number])
	}
}

// singletons checks how many tasks of each singleton key run.
func (c *checker) singletons() {
	m := c.m
	running := map[queueKey]int64{}
	c.each(func(_ slot, r *record) {
		if key := m.flows.all[r.flow].singleton; r.state == Running && key != "" {
			running[queueKey{r.queue, key}]++
		}
	})
	for _, g := range m.singletons.all[1:] {
		if g == nil {
			continue
		}
		part := "singleton key " + g.at.key + " of queue " + m.queues[g.at.queue].name
		c.expect(part, 0, "the number of running tasks", int64(g.running), running[g.at])
		if m.singletons.byKey[g.at] != g.number {
			c.report(part, 0, "it isn't found by its key")
		}
		delete(running, g.at)
	}
	c.expect("singleton keys", 0, "the number of keys with running tasks that aren't known", 0, int64(len(running)))
}
