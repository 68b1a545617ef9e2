package task

import "slices"

// batches checks the counts of the batches against their tasks.
func (c *checker) batches() {
	m, bs := c.m, &c.m.batches
	counted := map[ID]*BatchCounts{}
	c.each(func(_ slot, r *record) {
		id := m.batchOf(r)
		if id == 0 {
			return
		}
		if counted[id] == nil {
			counted[id] = &BatchCounts{}
		}
		*counted[id].of(r.state)++
	})
	bytes := 0
	for id, b := range bs.byID {
		n := counted[id]
		if n == nil {
			n = &BatchCounts{}
		}
		c.expect("batches", id, "the number of waiting tasks", int64(b.counts.Waiting), int64(n.Waiting))
		c.expect("batches", id, "the number of running tasks", int64(b.counts.Running), int64(n.Running))
		c.expect("batches", id, "the number of dead letters", int64(b.counts.Dead), int64(n.Dead))
		if (b.ended != 0) != (b.closed != 0 && b.counts.Unfinished() == 0) {
			c.report("batches", id, "it has ended too early, or not")
		}
		due := false
		for i := range b.callbacks {
			bytes += len(b.callbacks[i].template)
			due = due || b.callbacks[i].state == CallbackDue
		}
		if _, listed := slices.BinarySearch(bs.due, id); listed != due {
			c.report("batches", id, "it has callbacks that are due, and isn't listed, or the reverse")
		}
		if _, listed := slices.BinarySearch(bs.cancels, id); listed != (b.cursor != 0) {
			c.report("batches", id, "it is being cancelled, and isn't listed, or the reverse")
		}
		if _, listed := slices.BinarySearch(bs.order, id); !listed {
			c.report("batches", id, "it isn't in the list of batches")
		}
	}
	c.expect("batches", 0, "the bytes of callbacks", int64(bs.bytes), int64(bytes))
	c.batchAlarms()
	c.waiters()
}

// batchAlarms checks that whatever is to happen to a batch at some time has an alarm.
func (c *checker) batchAlarms() {
	type at struct {
		kind alarmKind
		id   ID
		at   Time
	}
	exact := map[at]bool{}
	for _, a := range c.m.alarms {
		exact[at{a.kind, ID(a.id), a.at}] = true
	}
	earliest := firstAlarms(c.m, alarmBatchIdle, func(a *alarm) ID { return ID(a.id) })
	for id, b := range c.m.batches.byID {
		if t := b.goesAt(); t != 0 && !exact[at{alarmBatch, id, t}] {
			c.report("batches", id, "nothing will drop it")
		}
		first, there := earliest[id]
		if t := b.expiresAt(); t != 0 && (!there || first > t) || b.alarmed != there {
			c.report("batches", id, "nothing will close it when it has been idle for too long")
		}
		for i := range b.callbacks {
			if k := &b.callbacks[i]; k.state == CallbackRefused && !exact[at{alarmCallback, id, k.next}] {
				c.report("batches", id, "nothing will try its %s again", CallbackKind(i))
			}
		}
	}
}

// workflows checks the counts of the workflows against their tasks.
func (c *checker) workflows() {
	m := c.m
	counted := map[ID]*WorkflowCounts{}
	c.each(func(_ slot, r *record) {
		id, _ := m.membership(r)
		if id == 0 {
			return
		}
		if w := m.workflows.byID[id]; w == nil || r.id < w.id || r.id >= w.id+ID(w.members) {
			c.report("workflows", r.id, "it is in workflow %v, which doesn't have it", id)
		}
		if counted[id] == nil {
			counted[id] = &WorkflowCounts{}
		}
		*counted[id].count(r.state)++
	})
	for id, w := range m.workflows.byID {
		n := counted[id]
		if n == nil {
			n = &WorkflowCounts{}
		}
		c.expect("workflows", id, "the number of waiting tasks", int64(w.counts.Waiting), int64(n.Waiting))
		c.expect("workflows", id, "the number of running tasks", int64(w.counts.Running), int64(n.Running))
		c.expect("workflows", id, "the number of dead letters", int64(w.counts.DeadLetter), int64(n.DeadLetter))
		sum := int64(0)
		for _, k := range w.counts.all() {
			sum += int64(*k)
		}
		c.expect("workflows", id, "the number of its tasks", int64(w.members), sum)
		if (w.ended != 0) != (w.counts.live() == 0) {
			c.report("workflows", id, "it has ended too early, or not")
		}
		if _, listed := slices.BinarySearch(m.workflows.cancelling, id); listed != (w.cursor != 0) {
			c.report("workflows", id, "it is being cancelled, and isn't listed, or the reverse")
		}
	}
	c.expect("workflows", 0, "the number of workflows", int64(len(m.workflows.order)), int64(len(m.workflows.byID)))
}

// schedules checks the schedules' tasks, and the order in which they are due.
func (c *checker) schedules() {
	x := &c.m.schedules
	bytes := 0
	for i, s := range x.sorted {
		bytes += s.size()
		if x.byName[s.name] != s || x.byID[s.id] != s || i > 0 && x.sorted[i-1].name >= s.name {
			c.report("schedule "+s.name, 0, "it isn't found by its name")
		}
		if s.paused && s.next != 0 || (s.next != 0) != (s.dueAt != 0) || s.dueAt != 0 && x.due[s.dueAt-1] != s {
			c.report("schedule "+s.name, 0, "its next tick isn't in its place")
		}
		for _, id := range s.live {
			at := c.m.index.get(id)
			if at == 0 || c.m.tasks.at(at).flags&flagScheduled == 0 || c.m.tasks.at(at).state == DeadLetter {
				c.report("schedule "+s.name, id, "it has ended, and is counted among the schedule's tasks")
			}
		}
		if !slices.IsSorted(s.live) {
			c.report("schedule "+s.name, 0, "its tasks are out of order")
		}
	}
	for i, s := range x.due {
		if p := x.due[max(i-1, 0)/2]; i > 0 && (s.due < p.due || s.due == p.due && s.id < p.id) {
			c.report("schedule "+s.name, 0, "it is due before others that come first")
		}
	}
	c.expect("schedules", 0, "the bytes of definitions", int64(x.bytes), int64(bytes))
	c.expect("schedules", 0, "the number of schedules", int64(len(x.byID)), int64(len(x.sorted)))
}

// hashes checks the parts of the state hash against what they are of.
func (c *checker) hashes() {
	m := c.m
	sum := uint64(0)
	var b []byte
	c.each(func(_ slot, r *record) {
		sum += r.hash
		if r.flags&flagRehash != 0 {
			return
		}
		if b = m.appendTask(b[:0], r); hashOf(uint64(r.id), b) != r.hash {
			c.report("state hash", r.id, "its part isn't the hash of the task")
		}
	})
	if sum != m.hashSum {
		c.report("state hash", 0, "the parts of the tasks don't add up")
	}
	var tenants, workflows, batches, schedules, operations []hashed
	for _, t := range m.tenants.all {
		if t != nil {
			tenants = append(tenants, t)
		}
	}
	for _, w := range m.workflows.byID {
		workflows = append(workflows, w)
	}
	for _, x := range m.batches.byID {
		batches = append(batches, x)
	}
	for _, s := range m.schedules.sorted {
		schedules = append(schedules, s)
	}
	for _, o := range m.operations.all {
		operations = append(operations, o)
	}
	c.hashSum("fair keys", &m.tenants.hashes, tenants)
	c.hashSum("workflows", &m.workflows.hashes, workflows)
	c.hashSum("batches", &m.batches.hashes, batches)
	c.hashSum("schedules", &m.schedules.hashes, schedules)
	c.hashSum("operations", &m.operations.hashes, operations)
}

func (c *checker) hashSum(part string, s *hashSum, all []hashed) {
	sum := uint64(0)
	for _, x := range all {
		p := x.part()
		sum += p.hash
		if !p.stale && x.hashNow(c.m) != p.hash {
			c.report("state hash", 0, "the part of one of the %s isn't its hash", part)
		}
	}
	if sum != s.sum {
		c.report("state hash", 0, "the parts of the %s don't add up", part)
	}
}
