package task

import "slices"

// leases checks that each running task is in the list of its session, oldest lease first, and what the sessions count.
func (c *checker) leases() {
	m := c.m
	listed := int64(0)
	for _, id := range m.sessions.ids() {
		place := m.sessions.byID[id]
		s := m.sessions.all[place]
		if s == nil || s.id != id || id > m.lastSession {
			c.report("sessions", 0, "session %d isn't found, or wasn't opened yet", id)
			continue
		}
		running, suspects, digest := int64(0), int64(0), uint64(0)
		previous := slot(0)
		for i := s.head; i != 0 && running <= int64(s.running); previous, i = i, m.tasks.at(i).next {
			r := m.tasks.at(i)
			running++
			suspects += int64(b2i(r.deaths > 0))
			digest ^= LeaseDigest(r.token)
			if r.state != Running || r.owner != place || r.prev != previous || previous != 0 && m.tasks.at(previous).token >= r.token {
				c.report("sessions", r.id, "it isn't in its place among the leases of session %d", id)
			}
		}
		c.expect("sessions", 0, "the number of leases of a session", int64(s.running), running)
		c.expect("sessions", 0, "the number of its leases of tasks that have seen a worker die", int64(s.suspects), suspects)
		if s.digest != digest || s.tail != previous {
			c.report("sessions", 0, "the digest of the leases of session %d, or their end, doesn't go with them", id)
		}
		listed += running
	}
	leased := int64(0)
	for _, q := range m.queues[1:] {
		leased += int64(q.live[Running])
	}
	c.expect("sessions", 0, "the number of leases", listed, leased)
}

// timers checks that each task has the timer that its state asks for, and the heap's order.
func (c *checker) timers() {
	m := c.m
	for i, t := range m.timers.heap {
		r := m.tasks.at(t.slot)
		if r.timer != uint32(i+1) || r.deadline() != t.at {
			c.report("timers", r.id, "its timer is set to %d, and it is due at %d", t.at, r.deadline())
		}
		if i > 0 && m.timers.less(t, m.timers.heap[(i-1)/timerArity]) {
			c.report("timers", r.id, "its timer is out of order")
		}
	}
	due := int64(0)
	c.each(func(_ slot, r *record) {
		if at := r.deadline(); (at != 0) != (r.timer != 0) {
			c.report("timers", r.id, "it is due at %d, and has no timer, or one too many", at)
		}
		due += int64(b2i(r.deadline() != 0))
	})
	c.expect("timers", 0, "the number of timers", int64(len(m.timers.heap)), due)
	for i := range m.alarms {
		if i > 0 && m.alarms[i].before(&m.alarms[(i-1)/2]) {
			c.report("timers", 0, "alarm %d is out of order", i)
		}
	}
}

// families checks who waits for whom.
func (c *checker) families() {
	m := c.m
	waiting := map[ID]int64{}
	c.each(func(_ slot, r *record) {
		if r.state != Blocked {
			return
		}
		waits := m.coldOf(r).waits
		if len(waits) == 0 {
			c.report("dependencies", r.id, "it is blocked and waits for nothing")
		}
		for _, p := range waits {
			waiting[p]++
			f := m.families[p]
			if f == nil {
				c.report("dependencies", r.id, "nobody knows that it waits for task %v", p)
				continue
			}
			if _, there := slices.BinarySearch(f.children, r.id); !there {
				c.report("dependencies", r.id, "it isn't among the tasks that wait for %v", p)
			}
			if s := m.index.get(p); (s == 0 || m.tasks.at(s).state == DeadLetter) && !m.told(p, r.id) {
				c.report("dependencies", r.id, "it waits for task %v, which has ended, and won't be told", p)
			}
		}
	})
	for p, f := range m.families {
		c.expect("dependencies", p, "the number of tasks that wait for it", int64(f.waiting), waiting[p])
		if !slices.IsSorted(f.children) {
			c.report("dependencies", p, "the tasks that wait for it are out of order")
		}
	}
}

// told reports whether the children of a parent that ended, up to one, are yet to be told.
func (m *Machine) told(parent, child ID) bool {
	return slices.ContainsFunc(m.cascades, func(k cascade) bool { return k.parent == parent && child < k.below })
}

// parents checks the outcomes that are kept for tasks that depend on them.
func (c *checker) parents() {
	m := c.m
	children := map[ID]int64{}
	c.each(func(_ slot, r *record) {
		if r.flags&flagParents != 0 {
			for _, e := range m.coldOf(r).parents {
				children[e.Parent]++
			}
		}
	})
	sum := uint64(0)
	for id, p := range m.parents.byID {
		sum += p.hash
		c.expect("parents", id, "the number of tasks that depend on it", int64(p.children), children[id])
		if p.ended == (m.index.get(id) != 0) {
			c.report("parents", id, "it is live and has an outcome, or neither")
		}
		delete(children, id)
	}
	c.expect("parents", 0, "the number of parents that aren't known", 0, int64(len(children)))
	if sum != m.parents.sum {
		c.report("parents", 0, "their hashes don't add up")
	}
}

// unique checks who holds which unique key.
func (c *checker) unique() {
	m := c.m
	c.each(func(_ slot, r *record) {
		if r.flags&flagUnique == 0 {
			return
		}
		key := m.coldOf(r).uniqueKey
		if e, ok := m.unique[makeUniqueKey(r.queue, key)]; !ok || e.holder != r.id {
			c.report("unique keys", r.id, "it holds %q, which isn't known", key)
		}
		if r.state == DeadLetter {
			c.report("unique keys", r.id, "it is a dead letter and holds %q", key)
		}
	})
	for key, e := range m.unique {
		if e.until == 0 && !m.holds(e.holder, key) {
			c.report("unique keys", e.holder, "it is said to hold a key, and doesn't")
		}
	}
}

// sticky checks which session ran which sticky key last.
func (c *checker) sticky() {
	m := c.m
	sum, stuck := uint64(0), map[uint64]int64{}
	for key, e := range m.sticky.byKey {
		sum += e.hash(key)
		stuck[e.session]++
		s, ok := m.sessions.get(e.session)
		if !ok || !slices.Contains(s.sticks, stick{key, e.token}) {
			c.report("sticky keys", 0, "session %d, which ran one last, doesn't know", e.session)
		}
	}
	if sum != m.sticky.sum {
		c.report("sticky keys", 0, "their hashes don't add up")
	}
	for _, id := range m.sessions.ids() {
		s, _ := m.sessions.get(id)
		c.expect("sticky keys", 0, "the number of keys of a session", int64(s.stuck), stuck[id])
	}
}
