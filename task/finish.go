package task

import (
	"fmt"
	"math/bits"
)

// finish records the outcomes of attempts. Only the holder of the lease's token may say how an attempt ended, and
// only once: afterwards the task is finished (NotLive: the proposer finds the recorded outcome by its token in the
// history) or has another token.
func (m *Machine) finish(c *Finish) Result {
	items := make([]Item, len(c.Outcomes))
	for i := range c.Outcomes {
		items[i] = m.finishOne(&c.Outcomes[i])
	}
	return Result{Items: items}
}

func (m *Machine) finishOne(o *Outcome) Item {
	s := m.index.get(o.ID)
	if s == 0 {
		return Item{ID: o.ID, Code: NotLive}
	}
	r := m.tasks.at(s)
	if !m.heldUnder(r, o.Token) || (o.Session != 0 && m.sessions.all[r.owner].id != o.Session) {
		return Item{ID: o.ID, Code: StaleToken, State: r.state}
	}
	if o.Revoke != NotRevoked && o.Kind != OutcomeComplete {
		m.revoke(r, o.Revoke)
	}
	if o.Kind != OutcomeComplete && m.stopped(s, r) {
		return Item{ID: o.ID, State: Cancelled}
	}
	switch o.Kind {
	case OutcomeComplete:
		m.toFinished(s, r, Completed, NoReason, o.Data)
		return Item{ID: o.ID, State: Completed}
	case OutcomeFail:
		m.fail(s, r, CauseFailed, string(o.Data), o.Delay)
	case OutcomeFailPermanent:
		m.fail(s, r, CausePermanent, string(o.Data), 0)
	case OutcomeSnooze:
		m.snooze(s, r, o.Delay)
	case OutcomeRelease:
		m.giveBack(s, r)
	}
	return Item{ID: o.ID, State: r.state}
}

// heldUnder reports whether the task is running under this very token.
func (m *Machine) heldUnder(r *record, token uint64) bool {
	return r.state == Running && r.token == token
}

// fail ends an attempt: the task waits for its next one, or is dead.
func (m *Machine) fail(s slot, r *record, cause Cause, text string, least Duration) {
	worker := m.sessions.all[r.owner].worker
	m.leave(s, r)
	c := m.coldOf(r)
	c.note(AttemptError{At: m.now, Attempt: r.attempt, Cause: cause, Message: text, Worker: worker})
	delay := max(m.backoff(r, &c, r.failures+1), least)
	m.setCold(r, c)
	r.failures++
	q := m.queues[r.queue]
	q.failures++
	switch {
	case cause == CausePermanent:
		r.at, r.reason = m.now, ReasonFailed
		m.transit(s, r, DeadLetter)
	case r.failures >= r.maxAttempts:
		r.at, r.reason = m.now, ReasonExhausted
		m.transit(s, r, DeadLetter)
	case delay <= 0:
		m.placeLast(r)
		m.transit(s, r, Pending)
	default:
		r.at = after(m.now, delay)
		m.transit(s, r, Scheduled)
	}
}

// snooze puts a running task back for later, as if it hadn't been leased.
func (m *Machine) snooze(s slot, r *record, d Duration) {
	if d <= 0 {
		m.giveBack(s, r)
		return
	}
	m.leave(s, r)
	r.attempt--
	r.at = after(m.now, d)
	m.transit(s, r, Scheduled)
}

func (m *Machine) timedOut(s slot, r *record) {
	m.revoke(r, RevokedTimeout)
	if m.stopped(s, r) {
		return
	}
	m.fail(s, r, CauseTimeout, fmt.Sprintf("attempt timed out after %d.%03d s", r.timeoutMS/1000, r.timeoutMS%1000), 0)
}

// backoff is how long a task waits after its n-th failure.
func (m *Machine) backoff(r *record, c *cold, n uint16) Duration {
	b := c.backoff
	if b.IsZero() {
		b = m.queues[r.queue].settings.Backoff
	}
	if len(b.Delays) > 0 {
		return b.Delays[min(int(n)-1, len(b.Delays)-1)]
	}
	initial := first(b.Initial, defaultBackoffInitial)
	limit := first(b.Maximum, defaultBackoffMaximum)
	factor := Duration(first(b.Multiplier, defaultBackoffFactor))
	d := min(initial, limit)
	for i := uint16(1); i < n && d < limit; i++ {
		d = grow(d, factor, limit)
	}
	return Jitter(m.seed, r.id, d)
}

// grow multiplies by thousandths, at most to the limit and without overflowing. It never shrinks.
func grow(d, thousandths, limit Duration) Duration {
	if d <= 0 {
		return d
	}
	hi, lo := bits.Mul64(uint64(d), uint64(max(thousandths, 1000)))
	if hi >= 1000 {
		return limit
	}
	q, _ := bits.Div64(hi, lo, 1000)
	return Duration(min(q, uint64(limit)))
}

// Jitter spreads a delay evenly over its upper half ("equal jitter", Brooker, "Exponential Backoff And Jitter", 2015).
// It depends on nothing but its arguments.
func Jitter(seed uint64, id ID, d Duration) Duration {
	if d <= 1 {
		return d
	}
	half := d / 2
	return half + Duration(mix(seed^mix(uint64(id)))%uint64(d-half+1))
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// progress notes signs of progress.
func (m *Machine) progress(c *Progress) Result {
	items := make([]Item, len(c.Items))
	for i := range c.Items {
		p := &c.Items[i]
		items[i].ID = p.ID
		s := m.index.get(p.ID)
		if s == 0 {
			items[i].Code = NotLive
			continue
		}
		r := m.tasks.at(s)
		items[i].State = r.state
		if !m.heldUnder(r, p.Token) {
			items[i].Code = StaleToken
			continue
		}
		m.touch(s, r)
		cold := m.coldOf(r)
		cold.progress = ProgressNote{At: m.now, Percent: p.Percent, Message: cut(p.Message, maxProgressText)}
		m.setCold(r, cold)
		m.emitProgress(r, p.Percent)
	}
	return Result{Items: items}
}
