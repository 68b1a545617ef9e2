package task

import (
	"math/bits"
	"strings"
)

// lease grants pending tasks of a session's queues to it: one after the other, the queue by smooth weighted round
// robin (as nginx does it: every eligible queue gains its weight, the greatest is picked and loses the sum), within it
// the highest priority, within that the oldest.
func (m *Machine) lease(c *Lease, want bool) Result {
	s, ok := m.sessions.get(c.Session)
	if !ok {
		return Result{Code: UnknownSession}
	}
	room := maxSessionLeases - min(s.running, maxSessionLeases)
	n := min(c.Max, room)
	var res Result
	if n == 0 {
		return res
	}
	m.touchSession(s)
	place := m.sessions.byID[s.id]
	if want {
		ready := uint32(min(m.pendingFor(s), uint64(n)))
		res.Leased = make([]Leased, 0, ready)
		res.Items = make([]Item, 0, ready)
	}
	for ; n > 0; n-- {
		l, ok := m.pick(s)
		if !ok {
			break
		}
		i := m.lanes.all[l].head
		r := m.tasks.at(i)
		m.grant(i, r, place)
		res.Items = append(res.Items, Item{ID: r.id, Other: r.token, State: Running})
		if want {
			res.Leased = append(res.Leased, m.leased(r))
		}
	}
	return res
}

func (m *Machine) grant(i slot, r *record, owner uint32) {
	m.leave(i, r)
	m.lastToken++
	r.token = m.lastToken
	r.attempt++
	r.started = m.now
	r.owner = owner
	r.at = 0
	if r.timeoutMS > 0 {
		r.at = after(m.now, Duration(r.timeoutMS)*1000)
	}
	m.transit(i, r, Running)
}

// pick returns the lane whose head the session gets next.
func (m *Machine) pick(s *session) (uint32, bool) {
	if len(s.queues) == 1 {
		return m.bestLane(s, s.queues[0].name)
	}
	best, bestLane, total := -1, uint32(0), int64(0)
	for i := range s.queues {
		sq := &s.queues[i]
		l, ok := m.bestLane(s, sq.name)
		if !ok {
			continue
		}
		sq.current += sq.weight
		total += sq.weight
		if best < 0 || sq.current > s.queues[best].current {
			best, bestLane = i, l
		}
	}
	if best < 0 {
		return 0, false
	}
	s.queues[best].current -= total
	return bestLane, true
}

// bestLane returns the lane of a queue that the session is served from: the highest priority, then the oldest head,
// among the kinds that the session takes. One that runs a task that has seen a worker die gets no second such task.
func (m *Machine) bestLane(s *session, name string) (uint32, bool) {
	q, ok := m.queueNames[name]
	if !ok || q.mode == QueuePaused {
		return 0, false
	}
	mask := q.nonEmpty[0]
	if s.suspects == 0 {
		mask |= q.nonEmpty[1]
	}
	for mask != 0 {
		p := uint8(bits.Len16(mask) - 1)
		mask &^= 1 << p
		if l, ok := m.oldestLane(s, q, p); ok {
			return l, true
		}
	}
	return 0, false
}

func (m *Machine) oldestLane(s *session, q *queue, p uint8) (best uint32, found bool) {
	consider := func(l uint32) {
		if !found || m.lanes.headOrder(l) < m.lanes.headOrder(best) {
			best, found = l, true
		}
	}
	for suspect := range 2 {
		if suspect == 1 && s.suspects > 0 {
			break
		}
		if len(s.kinds) == 0 {
			if h := q.heaps[suspect][p]; len(h) > 0 {
				consider(h[0])
			}
			continue
		}
		for _, name := range s.kinds {
			kind, ok := m.kinds.byName[name]
			if !ok {
				continue
			}
			if l, ok := m.lanes.byKey[laneKey{queue: q.number, kind: kind, suspect: suspect == 1, priority: p}]; ok {
				consider(l)
			}
		}
	}
	return best, found
}

// pendingFor counts the tasks that the session could lease now. Suspects count as one at most, as one is all that a
// session gets.
func (m *Machine) pendingFor(s *session) (n uint64) {
	suspect := false
	for _, sq := range s.queues {
		q, ok := m.queueNames[sq.name]
		if !ok || q.mode == QueuePaused {
			continue
		}
		if len(s.kinds) == 0 && q.nonEmpty[1] == 0 {
			n += q.live[Pending]
			continue
		}
		n += m.countLanes(s, q, 0)
		suspect = suspect || m.countLanes(s, q, 1) > 0
	}
	if suspect && s.suspects == 0 {
		n++
	}
	return n
}

// countLanes counts the tasks of the kinds that a session takes, of suspects or of the others.
func (m *Machine) countLanes(s *session, q *queue, suspects int) (n uint64) {
	for mask := q.nonEmpty[suspects]; mask != 0; mask &= mask - 1 {
		for _, l := range q.heaps[suspects][bits.TrailingZeros16(mask)] {
			if lane := &m.lanes.all[l]; s.takes(m.kinds.names[lane.kind]) {
				n += uint64(lane.count)
			}
		}
	}
	return n
}

func (s *session) takes(kind string) bool {
	if len(s.kinds) == 0 {
		return true
	}
	for _, k := range s.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// leased copies what a worker needs.
func (m *Machine) leased(r *record) Leased {
	l := Leased{
		ID: r.id, Token: r.token, Queue: m.queues[r.queue].name, Kind: m.kinds.names[r.kind],
		Attempt: r.attempt, MaxAttempts: r.maxAttempts, Priority: r.priority, WorkerDeaths: r.deaths,
		Timeout: Duration(r.timeoutMS) * 1000, EnqueuedAt: r.enqueued,
	}
	switch {
	case r.payload != 0:
		l.Payload = append([]byte(nil), m.arena.get(r.payload, int(r.payloadLen))...)
	case r.payloadLen > 0:
		l.PayloadOnDisk = true
	}
	if r.cold != 0 {
		c := m.coldOf(r)
		l.FairKey, l.TraceContext = strings.Clone(c.fairKey), strings.Clone(c.trace)
		l.Labels = cloneLabels(c.labels)
		l.Schedule, l.NominalTime = strings.Clone(c.tick.schedule), c.tick.nominal
	}
	return l
}
