package task

import "fmt"

// Problem is something in a machine that isn't as it must be.
type Problem struct {
	Part string // of the state: index, queue, lane, session and so on
	ID   ID     // the task that it concerns; 0: none, or several
	Text string
}

// String says it in one line.
func (p Problem) String() string {
	if p.ID != 0 {
		return fmt.Sprintf("%s: task %v: %s", p.Part, p.ID, p.Text)
	}
	return p.Part + ": " + p.Text
}

// Check works everything out anew from the tasks that the machine otherwise keeps as tasks move (indexes, counts, the order of
// the pending tasks, leases, timers, families, keys, batches, workflows, operations, answers that are kept, the state hash), and
// returns where the machine has something else, up to a number of problems. None: all invariants hold.
//
// It takes time in proportion to the state, and needs the write lock: whoever owns a machine that is at work checks a copy.
func (m *Machine) Check(most int) []Problem {
	c := checker{m: m, most: most}
	for _, part := range []func(){
		c.tasks, c.queues, c.names, c.lanes, c.tenants, c.singletons, c.leases, c.timers,
		c.families, c.parents, c.unique, c.sticky, c.batches, c.workflows, c.schedules, c.lists, c.operations, c.producers, c.requests, c.hashes,
	} {
		if len(c.found) >= most {
			break
		}
		part()
	}
	return c.found
}

// checker is one Check.
type checker struct {
	m     *Machine
	most  int
	found []Problem
}

// report notes a problem.
func (c *checker) report(part string, id ID, format string, args ...any) {
	if len(c.found) < c.most {
		c.found = append(c.found, Problem{part, id, fmt.Sprintf(format, args...)})
	}
}

// expect notes a problem unless what was counted is what is kept.
func (c *checker) expect(part string, id ID, what string, kept, counted int64) {
	if kept != counted {
		c.report(part, id, "%s is %d, and counted are %d", what, kept, counted)
	}
}

// each calls fn for every live task, by ascending ID.
func (c *checker) each(fn func(s slot, r *record)) {
	c.m.index.after(0, func(s slot) bool {
		fn(s, c.m.tasks.at(s))
		return true
	})
}

// tasks checks the index of the tasks, and each task by itself.
func (c *checker) tasks() {
	m, x := c.m, &c.m.index
	total, empty, resident := uint64(0), 0, 0
	for i := range x.pages {
		used := uint32(0)
		for k, s := range x.pages[i].slots {
			if s == 0 {
				continue
			}
			used++
			id := ID(x.bases[i]<<pageBits + uint64(k))
			if s >= m.tasks.top || m.tasks.at(s).id != id {
				c.report("index", id, "it leads to another task's record")
				continue
			}
			r := m.tasks.at(s)
			if r.payload != 0 {
				resident += int(r.payloadLen)
			}
			c.task(id, r)
		}
		c.expect("index", ID(x.bases[i]<<pageBits), "the number of tasks of a page", int64(x.pages[i].used), int64(used))
		total += uint64(used)
		empty += b2i(used == 0)
		if i > 0 && x.bases[i-1] >= x.bases[i] {
			c.report("index", 0, "page %d is out of order", i)
		}
	}
	c.expect("index", 0, "the number of empty pages", int64(x.empty), int64(empty))
	c.expect("tasks", 0, "the number of live tasks", int64(m.tasks.live), int64(total))
	for _, p := range m.parents.byID {
		if p.result != 0 {
			resident += int(p.length)
		}
	}
	c.expect("tasks", 0, "the bytes of payloads and of parents' results in memory", int64(m.resident), int64(resident))
}

// task checks what a task has in itself.
func (c *checker) task(id ID, r *record) {
	m := c.m
	switch {
	case id >= m.nextID:
		c.report("tasks", id, "its ID hasn't been given out: the next one is %v", m.nextID)
	case r.state == None || r.state.Finished() || r.state >= stateCount:
		c.report("tasks", id, "it is live and %v", r.state)
	case r.queue == 0 || int(r.queue) >= len(m.queues):
		c.report("tasks", id, "its queue, %d, doesn't exist", r.queue)
	case r.token > m.lastToken:
		c.report("tasks", id, "its token %d hasn't been given out: the last one was %d", r.token, m.lastToken)
	case r.state == Pending && (r.order <= m.front || r.order >= m.back):
		c.report("tasks", id, "its order %d isn't between %d and %d", r.order, m.front, m.back)
	case (r.state == Running || r.state == Pending) && r.owner == 0:
		c.report("tasks", id, "it is %v and in no list", r.state)
	}
}

// queues checks the queues' counts and their accounts of the history.
func (c *checker) queues() {
	m := c.m
	live := make([][stateCount]int64, len(m.queues))
	bytes := make([]int64, len(m.queues))
	c.each(func(_ slot, r *record) {
		if int(r.queue) < len(live) && r.state < stateCount {
			live[r.queue][r.state]++
			if counts(r.state) {
				bytes[r.queue] += int64(r.payloadLen)
			}
		}
	})
	for i, q := range m.queues[1:] {
		part := "queue " + q.name
		if int(q.number) != i+1 || m.queueNames[q.name] != q {
			c.report(part, 0, "it isn't found by its name")
		}
		for _, s := range []State{Scheduled, Blocked, Pending, Running, DeadLetter} {
			c.expect(part, 0, "the number of "+s.String()+" tasks", int64(q.live[s]), live[q.number][s])
		}
		c.expect(part, 0, "the bytes of the tasks that count for the quota", int64(q.bytes), bytes[q.number])
		c.history(part, &q.history)
	}
	c.expect("queues", 0, "the number of names", int64(len(m.queueNames)), int64(len(m.queues)-1))
	for _, n := range m.purges {
		if n == 0 || int(n) >= len(m.queues) {
			c.report("queues", 0, "a queue that doesn't exist, %d, is being purged", n)
		}
	}
}

func (c *checker) history(part string, h *history) {
	tasks, bytes := uint64(0), uint64(0)
	for i, b := range h.blocks {
		tasks += b.count
		bytes += b.bytes
		if b.count == 0 || b.start > b.last || i > 0 && h.blocks[i-1].last > b.last {
			c.report(part, 0, "block %d of the history is out of order", i)
		}
	}
	c.expect(part, 0, "the number of tasks in the history", int64(h.next-h.first), int64(tasks))
	c.expect(part, 0, "the bytes of the history", int64(h.bytes), int64(bytes))
}

// names checks that kinds and flows are held by their tasks.
func (c *checker) names() {
	m := c.m
	kinds, flows := make([]int64, len(m.kinds.names)), make([]int64, len(m.flows.all))
	c.each(func(_ slot, r *record) {
		if int(r.kind) >= len(kinds) || int(r.flow) >= len(flows) {
			c.report("tasks", r.id, "its kind or flow isn't known")
			return
		}
		kinds[r.kind]++
		flows[r.flow]++
	})
	for i, n := range kinds {
		if int64(m.kinds.refs[i]) < n { // events hold them too
			c.report("kinds", 0, "kind %q is held %d times, and %d tasks are of it", m.kinds.names[i], m.kinds.refs[i], n)
		}
	}
	for i, n := range flows[1:] {
		c.expect("flows", 0, fmt.Sprintf("the number of tasks of flow %d", i+1), int64(m.flows.all[i+1].refs), n)
	}
}
