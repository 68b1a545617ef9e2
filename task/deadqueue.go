package task

// putInto gives a task another queue. It is in no lane, and keeps its state.
func (m *Machine) putInto(r *record, q *queue) {
	from := m.queues[r.queue]
	from.live[r.state]--
	from.weigh(r, r.state, None)
	m.haveRoom(from)
	m.touchQueue(from)
	r.queue = q.number
	q.live[r.state]++
	q.weigh(r, None, r.state)
	m.touchQueue(q)
	m.emitMoved(r, from)
}

// passOn puts a task that has died into the queue that takes the dead letters of its own. It goes no further, whatever that
// one's settings say: it dies but once. Its unique key has been released, and its window goes on where it was enqueued.
func (m *Machine) passOn(r *record, q *queue) {
	name := q.settings.DeadLetterQueue
	if name == "" || name == q.name {
		return
	}
	c := m.coldOf(r)
	c.origin = q.name
	m.setCold(r, c)
	m.putInto(r, m.queueNames[name])
}

// sendBack returns a dead letter that is retried to the queue in which it died; false: it has stayed there. The caller stores
// the cold fields.
func (m *Machine) sendBack(r *record, c *cold) bool {
	if c.origin == "" {
		return false
	}
	m.putInto(r, m.queueNames[c.origin])
	c.origin = ""
	return true
}

// stay makes a dead letter's place its own: whoever moves it has decided where it is to go on.
func (m *Machine) stay(r *record) {
	if r.state != DeadLetter || r.cold == 0 {
		return
	}
	if c := m.coldOf(r); c.origin != "" {
		c.origin = ""
		m.setCold(r, c)
	}
}
