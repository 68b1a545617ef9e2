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

// settle lets a bucket owe no more than an empty one does under a new rate: a queue whose rate was one task an hour waits no
// hour once it is one a second. It reports whether that changed the bucket.
//
// Invariant: a bucket is never later than settle lets it be. Who takes from it finds it no later than slack allows.
func (b *bucket) settle(r Rate, now Time) bool {
	if empty := after(now, r.slack()+r.interval()); !r.IsZero() && Time(*b) > empty {
		*b = bucket(empty)
		return true
	}
	return false
}

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
	if q.wakeAt == w.at && !q.later(m, w, q.settings.Rate, q.limited) {
		m.limitQueue(q)
	}
}

func (m *Machine) wakeTenant(q *queue, t *tenant, w wake) {
	if !t.later(m, w, q.settings.KeyRate, t.closed) {
		m.limitTenant(t)
		m.dropTenant(t)
	}
}

// limiter is a bucket that is looked at in time.
type limiter struct {
	limit  bucket
	wakeAt Time // of its entry among the wakes; 0: none
}

// later reports whether the bucket, whose wake has come, is due later by now: then there is another wake.
func (l *limiter) later(m *Machine, w wake, r Rate, closed bool) bool {
	l.wakeAt = 0
	if w.at = l.limit.due(r, closed); w.at <= m.now {
		return false
	}
	l.wakeAt = w.at
	m.wakes.push(w)
	return true
}

// watch forgets the bucket when it is full, which it reports, and else sees to it that it is looked at in time.
func (l *limiter) watch(m *Machine, w wake, r Rate) (full bool) {
	if l.limit == 0 {
		return false
	}
	if r.IsZero() || Time(l.limit) <= m.now {
		l.limit = 0
		return true
	}
	if w.at = l.limit.due(r, !l.limit.allows(r, m.now)); l.wakeAt == 0 || w.at < l.wakeAt {
		l.wakeAt = w.at
		m.wakes.push(w)
	}
	return false
}

// limitQueue closes or opens a queue, as its rate says.
func (m *Machine) limitQueue(q *queue) {
	r := q.settings.Rate
	if q.watch(m, wake{queue: q.number}, r) {
		m.touchQueue(q)
	}
	limited := !q.limit.allows(r, m.now)
	if q.limited && !limited && q.live[Pending] > 0 {
		m.announce(q)
	}
	q.limited = limited
}
