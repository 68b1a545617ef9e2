package task

import "fmt"

func states(to ...State) (set uint16) {
	for _, s := range to {
		set |= 1 << s
	}
	return set
}

// transitions is the table: where a task may go from each state. To None is a deletion. docs/STATES.md draws it.
var transitions = [stateCount]uint16{
	None:       states(Scheduled, Blocked, Pending, DeadLetter),
	Scheduled:  states(Scheduled, Pending, Cancelled, DeadLetter, None),
	Blocked:    states(Scheduled, Pending, Cancelled, DeadLetter, None),
	Pending:    states(Pending, Scheduled, Running, Cancelled, DeadLetter, None),
	Running:    states(Pending, Scheduled, Completed, Cancelled, DeadLetter),
	DeadLetter: states(Blocked, Pending, Cancelled, DeadLetter, None),
}

// transit is the one door through which a task changes its state. The caller has set what the new state needs: order for
// Pending; at for Scheduled, Running and DeadLetter; owner, token and started for Running. Counters, lists, timers,
// keys and dependants follow from here.
//
// Going to a finished state or to None takes the record out of memory: r is invalid afterwards.
func (m *Machine) transit(s slot, r *record, to State) {
	from := r.state
	if transitions[from]&(1<<to) == 0 {
		panic(fmt.Sprintf("task: %v: no transition from %v to %v", r.id, from, to))
	}
	m.touch(s, r)
	if r.flags&flagMember != 0 {
		m.countMember(r, from, to)
	}
	if to == None {
		m.outlive(r, None, nil)
	}
	q := m.queues[r.queue]
	if from == Running && q.live[Running] == uint64(q.settings.MaxRunning) && q.live[Pending] > 0 {
		m.announce(q) // it has room again
	}
	q.live[from]--
	q.live[to]++
	q.weigh(r, from, to)
	m.haveRoom(q)
	m.touchQueue(q)
	r.state = to
	m.emit(r, from, to)
	if r.flags&flagBatch != 0 {
		m.countInBatch(r, from, to)
	}
	switch to {
	case Pending:
		m.link(s, r)
		m.announce(q)
	case Running:
		m.sessions.link(&m.tasks, s, r)
		m.occupy(r)
	case DeadLetter:
		if from == None { // it is put back as it was
			break
		}
		q.deadLettered++
		m.releaseUnique(r)
		m.parentEnded(r.id, false)
		m.leaveSchedule(r)
		m.passOn(r, q)
	case Completed, Cancelled, None:
		m.releaseUnique(r)
		m.parentEnded(r.id, to == Completed)
		m.leaveSchedule(r)
		m.discard(s, r)
		return
	}
	m.timers.set(s, r.deadline())
}

// leave takes a task out of the list that its state keeps it in. It comes before any change of the fields that the
// list depends on (priority, kind, queue, deaths, owner, order), and is followed by transit.
func (m *Machine) leave(s slot, r *record) {
	m.touch(s, r)
	switch r.state {
	case Pending:
		m.unlink(r)
	case Running:
		m.sessions.unlink(&m.tasks, r)
		m.vacate(r)
	case Blocked:
		for _, p := range m.coldOf(r).waits {
			m.stopWaiting(p)
		}
	}
}

// deadline is when a task's one timer fires; 0: never.
func (r *record) deadline() Time {
	switch r.state {
	case Scheduled:
		if r.expires != 0 {
			return min(r.at, r.expires)
		}
		return r.at
	case Pending:
		if r.at != 0 && r.expires != 0 {
			return min(r.at, r.expires)
		}
		return r.at + r.expires
	case Blocked:
		return r.expires
	case Running:
		return r.at
	}
	return 0
}

// discard takes a task's record out of memory.
func (m *Machine) discard(s slot, r *record) {
	m.timers.clear(r)
	m.index.remove(r.id)
	m.hashSum -= r.hash
	m.kinds.release(r.kind)
	m.flows.release(r.flow, &m.requirements)
	if r.payload != 0 {
		m.resident -= int(r.payloadLen)
		m.arena.release(r.payload)
	}
	if r.flags&flagParents != 0 {
		m.orphan(r)
	}
	if r.cold != 0 {
		m.arena.release(r.cold)
	}
	m.dirty.gone(r)
	m.tasks.release(s)
}

// announce says once an entry that a queue has gained pending tasks.
func (m *Machine) announce(q *queue) {
	if !q.announced {
		q.announced = true
		m.effects.Ready = append(m.effects.Ready, q.name)
	}
}

// placeFirst gives a task that becomes pending the place before all others of its priority.
func (m *Machine) placeFirst(r *record) {
	r.order, r.at = m.front, 0
	m.front--
}

// placeLast gives a task that becomes pending the place behind all others of its priority.
func (m *Machine) placeLast(r *record) {
	r.order, r.at = m.back, 0
	m.back++
}

// toPending makes a task pending, behind all others of its priority.
func (m *Machine) toPending(s slot, r *record) {
	m.leave(s, r)
	m.placeLast(r)
	m.transit(s, r, Pending)
}

// toScheduled makes a task wait until a time; if that isn't in the future it is pending at once.
func (m *Machine) toScheduled(s slot, r *record, at Time) {
	if at <= m.now {
		m.toPending(s, r)
		return
	}
	m.leave(s, r)
	r.at = at
	m.transit(s, r, Scheduled)
}

func (m *Machine) toDeadLetter(s slot, r *record, why Reason) {
	m.leave(s, r)
	r.at, r.reason = m.now, why
	m.transit(s, r, DeadLetter)
}

// toFinished puts a task into the history.
func (m *Machine) toFinished(s slot, r *record, to State, why Reason, result []byte) {
	worker := ""
	if r.state == Running {
		worker = m.sessions.all[r.owner].worker
	}
	m.leave(s, r)
	r.reason = why
	m.archive(r, to, worker, result)
	m.outlive(r, to, result)
	m.transit(s, r, to)
}
