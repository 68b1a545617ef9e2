package task

import (
	"maps"
	"slices"
	"strings"
)

// session is an open worker session. Its leases are a list through the records of its running tasks, oldest first, so
// that their number can't leak: there is no other count of who runs what.
type session struct {
	id       uint64
	worker   string
	pool     string
	queues   []servedQueue
	kinds    []string // empty: any
	labels   []Label
	openedAt Time
	silent   Time // since when its worker hasn't been heard of; 0: it isn't known to be silent
	draining bool // it gets no more leases

	head, tail slot
	running    uint32
	suspects   uint32 // leases of tasks that have seen a worker die: at most one
	digest     uint64
	sticks     []stick // the sticky keys that it ran last, oldest first; some may be another's by now
	stuck      int     // how many aren't
	dirty      bool
}

// servedQueue is a queue of a session with its state of the smooth weighted round robin.
type servedQueue struct {
	name    string
	weight  int64
	current int64
}

// sessionTable has the open sessions. Their places in it are reused and differ between members.
type sessionTable struct {
	all  []*session // by place; 0 is none
	free []uint32
	byID map[uint64]uint32
}

func newSessionTable() sessionTable {
	return sessionTable{all: make([]*session, 1), byID: map[uint64]uint32{}}
}

func (t *sessionTable) get(id uint64) (*session, bool) {
	i, ok := t.byID[id]
	if !ok {
		return nil, false
	}
	return t.all[i], true
}

func (t *sessionTable) add(s *session) uint32 {
	var i uint32
	if last := len(t.free) - 1; last >= 0 {
		i, t.free = t.free[last], t.free[:last]
		t.all[i] = s
	} else {
		i = uint32(len(t.all))
		t.all = append(t.all, s)
	}
	t.byID[s.id] = i
	return i
}

func (t *sessionTable) remove(s *session) {
	i := t.byID[s.id]
	delete(t.byID, s.id)
	t.all[i] = nil
	t.free = append(t.free, i)
}

func (t *sessionTable) ids() []uint64 { return slices.Sorted(maps.Keys(t.byID)) }

// link puts a running task at the end of its owner's leases. Tokens ascend along the list.
func (t *sessionTable) link(tasks *slab, i slot, r *record) {
	s := t.all[r.owner]
	r.prev, r.next = s.tail, 0
	if s.tail != 0 {
		tasks.at(s.tail).next = i
	} else {
		s.head = i
	}
	s.tail = i
	s.running++
	s.suspects += uint32(b2i(r.deaths > 0))
	s.digest ^= LeaseDigest(r.token)
}

func (t *sessionTable) unlink(tasks *slab, r *record) {
	s := t.all[r.owner]
	if r.prev != 0 {
		tasks.at(r.prev).next = r.next
	} else {
		s.head = r.next
	}
	if r.next != 0 {
		tasks.at(r.next).prev = r.prev
	} else {
		s.tail = r.prev
	}
	s.running--
	s.suspects -= uint32(b2i(r.deaths > 0))
	s.digest ^= LeaseDigest(r.token)
	r.owner, r.next, r.prev = 0, 0, 0
}

func (m *Machine) openSession(c *OpenSession) Result {
	m.lastSession++
	s := &session{
		id: m.lastSession, worker: strings.Clone(c.Worker), pool: strings.Clone(c.Pool),
		labels: cloneLabels(c.Labels), openedAt: m.now,
	}
	for _, q := range c.Queues {
		s.queues = append(s.queues, servedQueue{name: strings.Clone(q.Queue), weight: int64(max(q.Weight, 1))})
	}
	for _, k := range c.Kinds {
		s.kinds = append(s.kinds, strings.Clone(k))
	}
	m.sessions.add(s)
	m.touchSession(s)
	return Result{Items: []Item{{ID: ID(s.id)}}}
}

func (m *Machine) touchSession(s *session) {
	if !s.dirty {
		s.dirty = true
		m.dirty.record(KindSession, s.id)
	}
}

// closeSession ends a session in an orderly way. A session that is gone already is no error: the call may be a repeat.
func (m *Machine) closeSession(c *CloseSession) Result {
	if s, ok := m.sessions.get(c.Session); ok {
		m.endSession(s, nil)
	}
	return Result{}
}

func (m *Machine) expireSessions(c *ExpireSessions) Result {
	if c.Term != m.term {
		return Result{Code: WrongTerm}
	}
	items := make([]Item, len(c.Sessions))
	for i := range c.Sessions {
		e := &c.Sessions[i]
		items[i].ID = ID(e.Session)
		s, ok := m.sessions.get(e.Session)
		if !ok {
			items[i].Code = UnknownSession
			continue
		}
		started := make(map[uint64]bool, len(e.Started))
		for _, t := range e.Started {
			started[t] = true
		}
		m.endSession(s, started)
	}
	return Result{Items: items}
}

func (m *Machine) markSilent(c *MarkSilent) Result {
	if c.Term != m.term {
		return Result{Code: WrongTerm}
	}
	items := make([]Item, len(c.Silences))
	for i, silence := range c.Silences {
		items[i].ID = ID(silence.Session)
		s, ok := m.sessions.get(silence.Session)
		if !ok {
			items[i].Code = UnknownSession
			continue
		}
		s.silent = 0
		if silence.For > 0 {
			s.silent = max(m.now-silence.For, 1)
		}
		m.touchSession(s)
	}
	return Result{Items: items}
}

// endSession gives a session's leases back and removes it. Tasks that had been started count a worker's death.
func (m *Machine) endSession(s *session, started map[uint64]bool) {
	m.unstickAll(s) // nothing is reserved for it any more
	for s.head != 0 {
		i := s.head
		r := m.tasks.at(i)
		switch {
		case m.stopped(i, r):
		case started[r.token]:
			m.workerDied(i, r, s.worker)
		default:
			m.giveBack(i, r)
		}
	}
	m.sessions.remove(s)
	m.dirty.record(KindSession, s.id)
	m.effects.Closed = append(m.effects.Closed, s.id)
}

// giveBack makes a running task pending as if it hadn't been leased, before all others of its priority.
func (m *Machine) giveBack(s slot, r *record) {
	m.leave(s, r)
	r.attempt--
	m.placeFirst(r)
	m.transit(s, r, Pending)
}

// workerDied counts a worker's death against the task that it was running.
func (m *Machine) workerDied(s slot, r *record, worker string) {
	m.leave(s, r)
	c := m.coldOf(r)
	c.note(AttemptError{At: m.now, Attempt: r.attempt, Cause: CauseWorkerLost, Message: "the worker stopped answering", Worker: worker})
	m.setCold(r, c)
	r.deaths++
	if r.deaths >= r.maxDeaths {
		r.at, r.reason = m.now, ReasonPoison
		m.transit(s, r, DeadLetter)
		return
	}
	m.placeFirst(r)
	m.transit(s, r, Pending)
}

// revoke tells, through the effects, the session that runs a task that it lost the lease.
func (m *Machine) revoke(r *record, why RevokeReason) {
	s := m.sessions.all[r.owner]
	m.effects.Revoked = append(m.effects.Revoked, Revoked{Session: s.id, ID: r.id, Token: r.token, Why: why})
}
