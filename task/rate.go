package task

import "cmp"

// Rate is how fast tasks may start: Tasks in each Per on average, after a pause up to Burst at once. Zero: as fast as they can.
type Rate struct {
	Tasks uint32
	Per   Duration
	Burst uint32 // 0: Tasks
}

// IsZero reports whether there is no limit.
func (r Rate) IsZero() bool { return r.Tasks == 0 }

// interval is the time that a task uses up, to the microsecond.
func (r Rate) interval() Duration { return max(r.Per/Duration(max(r.Tasks, 1)), 1) }

// slack is how far ahead of time tasks may start.
func (r Rate) slack() Duration { return Duration(first(r.Burst, r.Tasks)-1) * r.interval() }

// bucket is a token bucket as one number, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371): the
// time by which what has started would have, at an even pace. 0: it is full.
type bucket Time

func (b *bucket) take(r Rate, now Time) { *b = bucket(after(max(Time(*b), now), r.interval())) }

// allows reports whether another task may start.
func (b bucket) allows(r Rate, now Time) bool { return r.IsZero() || b.opensAt(r) <= now }

// opensAt is when the next task may start.
func (b bucket) opensAt(r Rate) Time { return Time(b) - r.slack() }

// due is when the bucket must be looked at: as it allows the next task, or else as it is full.
func (b bucket) due(r Rate, closed bool) Time {
	if closed && !r.IsZero() {
		return b.opensAt(r)
	}
	return Time(b)
}

// wake is when a bucket is to be looked at: a tenant's, or without tenant the queue's.
type wake struct {
	at     Time
	queue  uint32
	key    string // of the tenant
	tenant uint32 // 0: the queue itself
}

func (w *wake) before(o *wake) bool {
	return cmp.Or(cmp.Compare(w.at, o.at), cmp.Compare(w.queue, o.queue), cmp.Compare(w.key, o.key)) < 0
}

// stepWakes looks at the buckets that are due. It comes before an entry's commands, so that whether something is limited
// follows from state and time alone, and not from when it was last looked at.
func (m *Machine) stepWakes() {
	for len(m.wakes) > 0 && m.wakes[0].at <= m.now {
		w := m.wakes.pop()
		q := m.queues[w.queue]
		if w.tenant == 0 {
			m.wakeQueue(q, w)
		} else if t := m.tenants.all[w.tenant]; t != nil && t.wakeAt == w.at {
			m.wakeTenant(q, t, w)
		}
	}
}

// wakeQueue looks at a queue's bucket, unless it is due later by now.
func (m *Machine) wakeQueue(q *queue, w wake) {
	if q.wakeAt != w.at {
		return
	}
	q.wakeAt = 0
	if w.at = q.limit.due(q.settings.Rate, q.limited); w.at > m.now {
		q.wakeAt = w.at
		m.wakes.push(w)
		return
	}
	m.limitQueue(q)
}

func (m *Machine) wakeTenant(q *queue, t *tenant, w wake) {
	t.wakeAt = 0
	if w.at = t.limit.due(q.settings.KeyRate, t.closed); w.at > m.now {
		t.wakeAt = w.at
		m.wakes.push(w)
		return
	}
	m.limitTenant(t)
	m.dropTenant(t)
}

// watchTenant forgets a tenant's bucket when it is full, and sees to it that it is looked at in time.
func (m *Machine) watchTenant(t *tenant, r Rate) {
	if t.limit == 0 {
		return
	}
	if r.IsZero() || Time(t.limit) <= m.now {
		t.limit = 0
		m.touchTenant(t)
		return
	}
	if at := t.limit.due(r, !t.limit.allows(r, m.now)); t.wakeAt == 0 || at < t.wakeAt {
		t.wakeAt = at
		m.wakes.push(wake{at: at, queue: t.at.queue, key: t.at.key, tenant: t.number})
	}
}

// limitQueue closes or opens a queue, as its rate says.
func (m *Machine) limitQueue(q *queue) {
	r := q.settings.Rate
	if q.limit != 0 {
		if r.IsZero() || Time(q.limit) <= m.now {
			q.limit = 0
			m.touchQueue(q)
		} else if at := q.limit.due(r, !q.limit.allows(r, m.now)); q.wakeAt == 0 || at < q.wakeAt {
			q.wakeAt = at
			m.wakes.push(wake{at: at, queue: q.number})
		}
	}
	limited := !q.limit.allows(r, m.now)
	if q.limited && !limited && q.live[Pending] > 0 {
		m.announce(q)
	}
	q.limited = limited
}
