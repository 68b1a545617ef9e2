package task

import (
	"math"
	"math/bits"
	"strings"
)

// lease grants pending tasks of a session's queues to it: one after the other, the queue by smooth weighted round
// robin (as nginx does it: every eligible queue gains its weight, the greatest is picked and loses the sum), within it as
// bestLane says.
func (m *Machine) lease(c *Lease, want bool) Result {
	s, ok := m.sessions.get(c.Session)
	if !ok {
		return Result{Code: UnknownSession}
	}
	n := min(c.Max, s.room())
	var res Result
	results := map[ID][]byte{} // of parents: children share them
	if n == 0 || m.suspended() {
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
		i := m.tree.all[l].head
		r := m.tasks.at(i)
		m.grant(i, r, place)
		res.Items = append(res.Items, Item{ID: r.id, Other: r.token, State: Running})
		if want {
			res.Leased = append(res.Leased, m.leased(r, results))
		}
	}
	return res
}

func (m *Machine) grant(i slot, r *record, owner uint32) {
	share := m.tree.all[r.owner].parent
	m.serves(m.queues[r.queue], m.tenants.all[m.tree.all[share].key])
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
	if key := m.flows.all[r.flow].sticky; key != "" {
		m.stick(m.queues[r.queue], key, m.sessions.all[owner], r.token)
	}
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

// bestLane returns the lane of a queue that the session is served from: the highest priority, or with aging the highest that
// waiting has made; then whose turn it is; then the oldest; among the kinds that the session takes and the tasks whose required
// labels it has. One that runs a task that has seen a worker die gets no second such task.
func (m *Machine) bestLane(s *session, name string) (uint32, bool) {
	q, ok := m.queueNames[name]
	if !ok || q.room() == 0 {
		return 0, false
	}
	best, bestAge := uint32(0), Duration(0)
	for mask := m.openTo(s, q); mask != 0; {
		p := uint8(bits.Len16(mask) - 1)
		mask &^= 1 << p
		c := m.bestClass(s, q, p)
		if c == 0 {
			continue
		}
		lane := m.tree.first(c)
		if q.settings.PriorityAging == 0 {
			return lane, true
		}
		age := m.age(q, m.tasks.at(m.tree.all[lane].head))
		if best == 0 || age > bestAge {
			best, bestAge = lane, age
		}
	}
	return best, best != 0
}

// age is how long a task has waited, and its priority as time.
func (m *Machine) age(q *queue, r *record) Duration {
	return m.now - r.enqueued + Duration(r.priority)*q.settings.PriorityAging
}

// openTo returns the priorities of which a session may have some tasks.
func (m *Machine) openTo(s *session, q *queue) (mask uint16) {
	for _, st := range q.stages {
		if !m.mayTake(s, st) {
			continue
		}
		mask |= st.nonEmpty[0]
		if s.suspects == 0 {
			mask |= st.nonEmpty[1]
		}
	}
	return mask
}

// bestClass returns the class of a priority that the session is served from; 0: none.
func (m *Machine) bestClass(s *session, q *queue, p uint8) (best uint32) {
	consider := func(c uint32) {
		if best == 0 || m.tree.less(c, best) {
			best = c
		}
	}
	for _, st := range q.stages {
		if !m.mayTake(s, st) {
			continue
		}
		for suspect := range 2 {
			if suspect == 1 && s.suspects > 0 {
				break
			}
			if len(s.kinds) == 0 {
				if h := st.heaps[suspect][p]; len(h) > 0 {
					consider(h[0])
				}
				continue
			}
			for _, name := range s.kinds {
				kind, ok := m.kinds.byName[name]
				if !ok {
					continue
				}
				key := classKey{queue: q.number, kind: kind, stage: st.number, suspect: suspect == 1, priority: p}
				if c := m.tree.classes[key]; c != 0 && m.tree.all[c].place != 0 {
					consider(c)
				}
			}
		}
	}
	return best
}

// room is how many tasks of the queue may start now.
func (q *queue) room() uint64 {
	if q.mode == QueuePaused || q.limited {
		return 0
	}
	if limit := uint64(q.settings.MaxRunning); limit > 0 {
		return limit - min(q.live[Running], limit)
	}
	return math.MaxUint64
}

// pendingFor counts the tasks each of which the session could lease now. Suspects count as one at most, as one is all that a
// session gets.
func (m *Machine) pendingFor(s *session) (n uint64) {
	if m.suspended() || s.draining {
		return 0
	}
	suspect := false
	for _, sq := range s.queues {
		q, ok := m.queueNames[sq.name]
		if !ok {
			continue
		}
		room, ready := q.room(), uint64(0)
		for _, st := range q.stages {
			if room == 0 || !m.mayTake(s, st) {
				continue
			}
			ready += m.countReady(s, st, 0)
			suspect = suspect || m.countReady(s, st, 1) > 0
		}
		n += min(ready, room)
	}
	if suspect && s.suspects == 0 {
		n++
	}
	return n
}

// countReady counts the open tasks of a stage of the kinds that a session takes, of suspects or of the others.
func (m *Machine) countReady(s *session, st *stage, suspects int) (n uint64) {
	if len(s.kinds) == 0 {
		return st.ready[suspects]
	}
	for mask := st.nonEmpty[suspects]; mask != 0; mask &= mask - 1 {
		for _, c := range st.heaps[suspects][bits.TrailingZeros16(mask)] {
			if class := &m.tree.all[c]; s.takes(m.kinds.names[class.index]) {
				n += uint64(class.count)
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
func (m *Machine) leased(r *record, results map[ID][]byte) Leased {
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
	l.Parents = m.outcomes(r, results)
	if r.cold != 0 {
		c := m.coldOf(r)
		l.FairKey, l.TraceContext = strings.Clone(c.fairKey), strings.Clone(c.trace)
		l.Labels = cloneLabels(c.labels)
		l.Schedule, l.NominalTime = strings.Clone(c.tick.schedule), c.tick.nominal
		l.Batch, l.CallbackOf, l.Callback = c.batch, c.callbackOf, c.callback
	}
	return l
}
