package task_test

import (
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// modelSession is a worker session. Its leases are the running tasks that name it.
type modelSession struct {
	task.Session
	current []int64 // of the smooth weighted round robin, for each queue
}

func (m *model) session(id uint64) *modelSession {
	for _, s := range m.sessions {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (m *model) openSession(c *task.OpenSession) task.Result {
	m.lastSession++
	s := &modelSession{current: make([]int64, len(c.Queues))}
	s.Session = task.Session{
		ID: m.lastSession, Worker: c.Worker, Pool: c.Pool, Queues: c.Queues, Kinds: c.Kinds, Labels: c.Labels, OpenedAt: m.now,
	}
	m.sessions = append(m.sessions, s)
	return task.Result{Items: []task.Item{{ID: task.ID(s.ID)}}}
}

// leases are a session's running tasks in the order of their tokens.
func (m *model) leases(session uint64) []*modelTask {
	held := m.liveWhere(func(t *modelTask) bool { return t.State == task.Running && t.Session == session })
	slices.SortFunc(held, func(a, b *modelTask) int { return int(a.Token) - int(b.Token) })
	return held
}

func (m *model) closeSession(id uint64) task.Result {
	if m.session(id) == nil { // a repeated call
		return task.Result{}
	}
	m.forgetSticky(id)
	for _, t := range m.leases(id) {
		if !m.stopped(t) {
			m.giveBack(t)
		}
	}
	m.dropSession(id)
	return task.Result{}
}

// forgetSticky: nothing waits for a session that ends.
func (m *model) forgetSticky(id uint64) {
	maps.DeleteFunc(m.sticky, func(_ modelKey, s uint64) bool { return s == id })
}

func (m *model) dropSession(id uint64) {
	m.sessions = slices.DeleteFunc(m.sessions, func(s *modelSession) bool { return s.ID == id })
	m.effects.Closed = append(m.effects.Closed, id)
}

func (m *model) expireSessions(c *task.ExpireSessions) task.Result {
	if c.Term != m.term {
		return task.Result{Code: task.WrongTerm}
	}
	return items(c.Sessions, m.expireOne)
}

func (m *model) expireOne(e task.Expiry) task.Item {
	if m.session(e.Session) == nil {
		return task.Item{ID: task.ID(e.Session), Code: task.UnknownSession}
	}
	m.forgetSticky(e.Session)
	for _, t := range m.leases(e.Session) {
		switch {
		case m.stopped(t):
		case slices.Contains(e.Started, t.Token):
			m.workerDied(t)
		default:
			m.giveBack(t)
		}
	}
	m.dropSession(e.Session)
	return task.Item{ID: task.ID(e.Session)}
}

func (m *model) markSilent(c *task.MarkSilent) task.Result {
	if c.Term != m.term {
		return task.Result{Code: task.WrongTerm}
	}
	return items(c.Silences, func(x task.Silence) task.Item {
		s := m.session(x.Session)
		if s == nil {
			return task.Item{ID: task.ID(x.Session), Code: task.UnknownSession}
		}
		s.SilentSince = 0
		if x.For > 0 {
			s.SilentSince = m.now - x.For
		}
		return task.Item{ID: task.ID(x.Session)}
	})
}

func (m *model) drainSession(c *task.DrainSession) task.Result {
	item := task.Item{ID: task.ID(c.Session)}
	s := m.session(c.Session)
	switch {
	case s == nil:
		item.Code = task.UnknownSession
	case !s.Draining:
		s.Draining = true
		m.forgetSticky(s.ID)
		m.effects.Drained = append(m.effects.Drained, s.ID)
	}
	return task.Result{Items: []task.Item{item}}
}

func (m *model) workerDied(t *modelTask) {
	t.WorkerDeaths++
	m.addError(t, task.CauseWorkerLost, "the worker stopped answering")
	m.endLease(t)
	if t.WorkerDeaths >= t.MaxWorkerDeaths {
		m.toDeadLetter(t, task.ReasonPoison)
	} else {
		m.toPending(t, true)
	}
}

func (m *model) lease(c *task.Lease) task.Result {
	s := m.session(c.Session)
	if s == nil {
		return task.Result{Code: task.UnknownSession}
	}
	var r task.Result
	if m.suspended() {
		return r
	}
	for range c.Max {
		t := m.next(s)
		if t == nil {
			break
		}
		m.toRunning(t, s)
		r.Items = append(r.Items, task.Item{ID: t.ID, Other: t.Token, State: t.State})
		r.Leased = append(r.Leased, m.leased(t.Task))
	}
	return r
}

// next picks the next task of a session by smooth weighted round robin over its queues that have one for it.
func (m *model) next(s *modelSession) *modelTask {
	best, total := -1, int64(0)
	for i, qw := range s.Queues {
		if m.head(s, qw.Queue) == nil {
			continue
		}
		s.current[i] += int64(qw.Weight)
		total += int64(qw.Weight)
		if best < 0 || s.current[i] > s.current[best] {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s.current[best] -= total
	return m.head(s, s.Queues[best].Queue)
}

// head is the task of a queue that the session gets next: of each priority the one whose key has the first turn, then the one
// with the smallest ready order; of these that of the highest priority, or with aging the one that has waited longest, a
// priority counting as so much time.
func (m *model) head(s *modelSession, queue string) *modelTask {
	q := m.queue(queue)
	heads := map[uint8]*modelTask{}
	for _, t := range m.eligible(s, queue) {
		h := heads[t.Priority]
		if h == nil || m.turn(t) < m.turn(h) || m.turn(t) == m.turn(h) && t.ready < h.ready {
			heads[t.Priority] = t
		}
	}
	var first *modelTask
	for _, p := range slices.Backward(slices.Sorted(maps.Keys(heads))) {
		if t := heads[p]; first == nil || q.Settings.PriorityAging > 0 && m.age(t) > m.age(first) {
			first = t
		}
	}
	return first
}

func (m *model) turn(t *modelTask) int64 { return m.tenant(m.queueOf(t), t.flow.fairKey).turn }

func (m *model) age(t *modelTask) task.Duration {
	return m.now - t.EnqueuedAt + task.Duration(t.Priority)*m.queueOf(t).Settings.PriorityAging
}

// before reports whether a is leased before b of the same queue and fair key.
func (m *model) before(a, b *modelTask) bool {
	if a.Priority == b.Priority {
		return a.ready < b.ready
	}
	if x, y := m.age(a), m.age(b); m.queueOf(a).Settings.PriorityAging > 0 && x != y {
		return x > y
	}
	return a.Priority > b.Priority
}

// eligible are the pending tasks of a queue that the session may have now. A session that runs a task which has seen
// worker deaths gets no second one.
func (m *model) eligible(s *modelSession, queue string) []*modelTask {
	q := m.queue(queue)
	if q == nil || m.room(q) == 0 || s.Draining {
		return nil
	}
	suspect := slices.ContainsFunc(m.leases(s.ID), func(t *modelTask) bool { return t.WorkerDeaths > 0 })
	return m.liveWhere(func(t *modelTask) bool {
		return t.State == task.Pending && t.Queue == queue &&
			(len(s.Kinds) == 0 || slices.Contains(s.Kinds, t.Kind)) &&
			(!suspect || t.WorkerDeaths == 0) &&
			satisfies(s, t.flow.require) && m.allowed(t) &&
			(t.reserved == 0 || t.reserved == s.ID || m.session(t.reserved) == nil)
	})
}

func satisfies(s *modelSession, require []task.Label) bool {
	for _, l := range require {
		if !slices.Contains(s.Labels, l) && l != (task.Label{Key: "pool", Value: s.Pool}) {
			return false
		}
	}
	return true
}

func (m *model) leased(t task.Task) task.Leased {
	return task.Leased{
		ID: t.ID, Token: t.Token, Queue: t.Queue, Kind: t.Kind, Payload: t.Payload, PayloadOnDisk: t.PayloadOnDisk,
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, Priority: t.Priority, WorkerDeaths: t.WorkerDeaths,
		Timeout: t.Timeout, EnqueuedAt: t.EnqueuedAt, FairKey: t.FairKey, Labels: t.Labels, TraceContext: t.TraceContext, Schedule: t.Schedule, NominalTime: t.NominalTime,
		Parents: m.outcomes(t),
		Batch:   t.Batch, CallbackOf: t.CallbackOf, Callback: t.Callback,
	}
}
