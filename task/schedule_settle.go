package task

import "slices"

// settleQueued treats the tick that waits as the overlap policy says now. Under allow, and where no task is in its way any more, a Tick makes its
// task; as long as the schedule is paused it waits, whatever it would make.
//
// Invariant: under skip no tick waits for a task.
func (m *Machine) settleQueued(s *schedule) {
	if s.queued.nominal == 0 || len(s.live) == 0 {
		return
	}
	switch s.policy.Overlap {
	case OverlapTerminate:
		if s.paused {
			return
		}
	case OverlapSkip:
	case OverlapCancel: // it goes on waiting, for tasks that are asked to stop
		m.stopLive(s)
		return
	default:
		return
	}
	o := s.queued
	s.queued = occurrence{}
	m.occur(s, o)
}

// terminateLive cancels a schedule's tasks, and doesn't wait for their workers.
func (m *Machine) terminateLive(s *schedule) {
	for _, id := range slices.Clone(s.live) {
		slot := m.index.get(id)
		r := m.tasks.at(slot)
		if r.state == Running {
			m.revoke(r, RevokedCancelled)
		}
		m.toFinished(slot, r, Cancelled, ReasonSuperseded, nil)
	}
}

// stopLive cancels the tasks of a schedule that don't run, and asks the workers of those that do to stop.
func (m *Machine) stopLive(s *schedule) {
	for _, id := range slices.Clone(s.live) {
		slot := m.index.get(id)
		if r := m.tasks.at(slot); r.state != Running {
			m.toFinished(slot, r, Cancelled, ReasonSuperseded, nil)
		} else {
			m.effects.Stopping = append(m.effects.Stopping, StopRequest{Session: m.sessions.all[r.owner].id, Lease: LeaseRef{ID: id, Token: r.token}})
		}
	}
}

// skipQueued has the tick that waits make way for a newer one.
func (m *Machine) skipQueued(s *schedule) {
	if q := s.queued; q.nominal != 0 {
		s.queued = occurrence{}
		m.skip(s, q, Item{ID: s.oldest(), Code: ScheduleOverlap})
	}
}
