package raftfsm

import (
	"time"

	"github.com/rowlock/rowlock/task"
)

// beatPart of the TTL is how often run looks at least: a longer gap means that this process stood still.
const beatPart = 10

// look gives back lost time, proposes what has expired and who fell silent, and returns how long to wait until the next look.
func (s *Sessions) look() time.Duration {
	step := s.ttl / beatPart
	if !s.valid() {
		return step
	}
	marks := s.mayMark()
	now := time.Now()
	s.mu.Lock()
	if !s.leading {
		s.mu.Unlock()
		return step
	}
	if gap := now.Sub(s.looked); gap > 2*step {
		s.giveTime(now, gap)
	}
	s.looked = now
	wait, due := s.due(now, step)
	var changed []task.Silence
	if marks {
		changed = s.changed(now)
	}
	term := s.term
	s.mu.Unlock()
	if len(changed) > 0 {
		s.mark(term, changed)
	}
	if len(due) > 0 {
		s.expire(due)
	}
	return wait
}

// giveTime moves all deadlines by the time in which no renewal could arrive, and at least a third of a TTL away: the
// workers have to reach this leader first. Needs mu.
func (s *Sessions) giveTime(now time.Time, gap time.Duration) {
	s.metrics.pauses.Inc()
	s.logger.Warn("no renewals could arrive for a while; worker sessions get that time back", "gap", gap, "sessions", len(s.all))
	for _, x := range s.all {
		if !x.expiring {
			x.deadline = later(x.deadline.Add(gap), now.Add(s.ttl/3))
		}
	}
}

// due marks sessions whose end is to be proposed now, and tells when to look again. Needs mu.
func (s *Sessions) due(now time.Time, step time.Duration) (wait time.Duration, due []uint64) {
	wait = step
	for id, x := range s.all {
		left := x.deadline.Sub(now)
		switch {
		case x.proposing:
		case left > 0:
			wait = min(wait, left)
		case len(due) < expireBatch:
			x.expiring, x.proposing = true, true
			due = append(due, id)
		default:
			wait = 0
		}
	}
	return wait, due
}

// expire proposes the end of sessions. Of the leases that their workers hold, those that were started count as deaths.
func (s *Sessions) expire(ids []uint64) {
	c := &task.ExpireSessions{Sessions: make([]task.Expiry, len(ids))}
	leases := make([][]task.LeaseRef, len(ids))
	s.read(func(m *task.Machine) {
		for i, id := range ids {
			leases[i] = m.SessionLeases(id)
		}
	})
	s.mu.Lock()
	c.Term = s.term
	for i, id := range ids {
		c.Sessions[i].Session = id
		x := s.all[id]
		if x == nil {
			continue // closed meanwhile, which the machine will say
		}
		for _, l := range leases[i] {
			if _, ok := x.started[l.Token]; ok {
				c.Sessions[i].Started = append(c.Sessions[i].Started, l.Token)
			}
		}
	}
	s.mu.Unlock()
	s.logger.Info("worker sessions expire", "sessions", ids)
	s.submit([]task.Command{c}, true, func(rs []task.Result, err error) { s.expired(c, rs, err) })
}

// expired takes note of the answer. What failed is proposed again; it isn't renewed in between, as the first proposal
// may yet come to be.
func (s *Sessions) expired(c *task.ExpireSessions, rs []task.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range c.Sessions {
		if err == nil && rs[0].Code == task.OK {
			s.metrics.expiredSessions.Inc()
			delete(s.all, c.Sessions[i].Session)
			continue
		}
		if x := s.all[c.Sessions[i].Session]; x != nil {
			x.proposing = false
			x.deadline = time.Now().Add(s.ttl / beatPart)
		}
	}
}
