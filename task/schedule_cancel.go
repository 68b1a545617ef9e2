package task

import "slices"

// cancelThenOccur ends a schedule's tasks before a tick makes its own: those that don't run at once; the workers of those that do are asked
// to stop, and the tick waits. The newest tick counts: one that waits already makes way.
//
// Invariant: a task that was asked to stop keeps its lease, until its worker says how the attempt ended, or the lease runs out. So the
// tick's task and those before it never run at the same time.
func (m *Machine) cancelThenOccur(s *schedule, o occurrence) Item {
	m.stopLive(s)
	m.skipQueued(s)
	if len(s.live) == 0 {
		return m.makeTask(s, o)
	}
	s.queued = o
	m.noteTick(s, LedgerEntry{Nominal: o.nominal, Outcome: TickQueued, Origin: o.origin, Late: m.now - o.due, Task: s.oldest()})
	return Item{}
}

// isStopping reports whether a running task was asked to stop: a tick of its schedule waits for it. It follows from the schedule, so that it
// is over when the schedule's policy changes, or the schedule is deleted.
func (m *Machine) isStopping(r *record) bool {
	if r.flags&flagScheduled == 0 || r.state != Running {
		return false
	}
	s := m.schedules.byName[m.coldOf(r).tick.schedule]
	if s == nil || s.policy.Overlap != OverlapCancel || s.queued.nominal == 0 {
		return false
	}
	_, followed := slices.BinarySearch(s.live, r.id)
	return followed
}

// stopped ends a task that was asked to stop when its attempt is over without success, however that came; false: it wasn't asked.
func (m *Machine) stopped(s slot, r *record) bool {
	if !m.isStopping(r) {
		return false
	}
	m.toFinished(s, r, Cancelled, ReasonSuperseded, nil)
	return true
}

// Stopping returns the leases of a session whose tasks are to stop, by token.
func (m *Machine) Stopping(session uint64) []LeaseRef {
	var out []LeaseRef
	s, ok := m.sessions.get(session)
	if !ok {
		return nil
	}
	for i := s.head; i != 0; i = m.tasks.at(i).next {
		if r := m.tasks.at(i); m.isStopping(r) {
			out = append(out, LeaseRef{ID: r.id, Token: r.token})
		}
	}
	return out
}

// IsStopping reports whether a task runs and was asked to stop.
func (m *Machine) IsStopping(id ID) bool {
	s := m.index.get(id)
	return s != 0 && m.isStopping(m.tasks.at(s))
}
