package task

// cancel ends a task that hasn't finished.
func (m *Machine) cancel(s slot, r *record) Code {
	if r.state == Running {
		m.revoke(r, RevokedCancelled)
	}
	m.toFinished(s, r, Cancelled, ReasonCancelled, nil)
	return OK
}

// retry makes a dead letter as new, and doesn't let a scheduled task wait any longer.
func (m *Machine) retry(s slot, r *record) Code {
	switch r.state {
	case Pending:
		return OK
	case Scheduled:
		m.toPending(s, r)
		return OK
	case DeadLetter:
		m.touch(s, r)
		r.attempt, r.failures, r.deaths, r.reason = 0, 0, 0, NoReason
		if r.expires <= m.now {
			r.expires = 0
		}
		cold := m.coldOf(r)
		changed := m.sendBack(r, &cold)
		m.retakeUnique(r, &cold)
		waits := m.parentsAgain(&cold)
		if len(cold.waits)+len(waits) > 0 {
			cold.waits, changed = waits, true
		}
		if changed {
			m.setCold(r, cold)
		}
		if len(waits) > 0 {
			r.at = 0
			m.await(r.id, waits)
			m.transit(s, r, Blocked)
			return OK
		}
		m.toPending(s, r)
		return OK
	}
	return WrongState
}

// delete removes a task that isn't running, and is in the state asked for, without a trace in the history.
func (m *Machine) delete(s slot, r *record, only State) Code {
	if r.state == Running || only != None && r.state != only {
		return WrongState
	}
	m.queues[r.queue].deleted++
	m.leave(s, r)
	m.transit(s, r, None)
	return OK
}

// reset takes a running task from its worker without burning the attempt.
func (m *Machine) reset(s slot, r *record) Code {
	if r.state != Running {
		return WrongState
	}
	m.revoke(r, RevokedReset)
	if !m.stopped(s, r) {
		m.giveBack(s, r)
	}
	return OK
}

func (m *Machine) deleteFinished(c *DeleteFinished) Result {
	items := make([]Item, len(c.Refs))
	for i, f := range c.Refs {
		items[i].ID = f.ID
		if int(f.Queue) >= len(m.queues) || f.Queue == 0 {
			items[i].Code = NotLive
			continue
		}
		q := m.queues[f.Queue]
		if f.Sequence < q.history.first || f.Sequence >= q.history.next {
			items[i].Code = NotLive
			continue
		}
		m.eraseFinished(q, f)
	}
	return Result{Items: items}
}

func (m *Machine) reschedule(c *Reschedule) Result {
	return m.each([]ID{c.ID}, None, func(s slot, r *record) Code {
		if r.state != Scheduled && r.state != Pending {
			return WrongState
		}
		at := r.at
		if r.state == Pending { // it is pending, however long it is reserved
			at = 0
		}
		if !c.KeepTime {
			at = c.RunAt
			if c.Delay > 0 {
				at = after(m.now, c.Delay)
			}
		}
		m.leave(s, r)
		if c.Priority != KeepPriority {
			r.priority = c.Priority
		}
		if at > m.now {
			r.at = at
			m.transit(s, r, Scheduled)
			return OK
		}
		m.placeLast(r)
		m.transit(s, r, Pending)
		return OK
	})
}

// move puts waiting tasks and dead letters into another queue.
func (m *Machine) move(c *Move) Result {
	q, code := m.queueFor(c.Queue)
	if code != OK {
		return Result{Code: code}
	}
	if q.mode == QueueDraining {
		return Result{Code: Draining}
	}
	return m.each(c.IDs, None, func(s slot, r *record) Code {
		if r.state == Running {
			return WrongState
		}
		if r.queue == q.number {
			return OK
		}
		return m.moveTo(s, r, q)
	})
}

func (m *Machine) moveTo(s slot, r *record, q *queue) Code {
	m.touch(s, r)
	if r.flags&flagUnique != 0 {
		c := m.coldOf(r)
		key, old := makeUniqueKey(q.number, c.uniqueKey), makeUniqueKey(r.queue, c.uniqueKey)
		if answer, _, free := m.claim(key, UniqueReject); !free {
			return answer.Code
		}
		delete(m.unique, old)
		m.dirty.unique(old)
		m.hold(key, r.id, c.windowEnd(r.enqueued)-m.now)
	}
	if r.state == Pending {
		m.unlink(r)
	}
	m.stay(r)
	m.putInto(r, q)
	if r.state == Pending {
		m.placeLast(r)
		m.link(s, r)
		m.timers.set(s, r.deadline())
		m.announce(q)
	}
	return OK
}
