package raftfsm

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rowlock/rowlock/task"
)

const (
	// expireBatch is how many sessions one command expires.
	expireBatch = 256
	// pruneStarted is the least number of started tokens at which those of ended leases are forgotten.
	pruneStarted = 256
	// spreadPart of the TTL is what a new leader adds at random, so that what it finds silent doesn't expire at once.
	spreadPart = 4
)

// Sessions keeps the worker sessions of the leader alive, after etcd's lessor. Renewals stay here and are not
// replicated; only the end of a session goes through the log. All times are monotonic.
//
// Invariants:
//   - A session is renewed only while this leader's lease holds, so that an old leader that wakes up renews nothing.
//   - Time during which renewals could not arrive (this process stood still, the leader lease was lost) counts for no
//     session.
//   - Once the expiry of a session has been proposed it is never renewed. The expiry carries the term, under another it
//     is refused.
//   - A new leader gives every session a full TTL, but for those whose silence the log knows: for these it counts from
//     there, and gives a third of a TTL at least, in which the worker can reach it. A dead worker's session ends although
//     no leader lasts for a TTL.
type Sessions struct {
	ttl     time.Duration
	valid   func() bool // whether the leader lease holds
	read    func(fn func(*task.Machine))
	submit  func(cs []task.Command, urgent bool, done func([]task.Result, error))
	clock   func() task.Time // the state's time, now
	refusal func() error     // why nothing is renewed by a member that doesn't lead
	logger  *slog.Logger
	metrics *metrics
	wake    chan struct{}

	mu      sync.Mutex // guards the rest; the machine is never read under it
	leading bool
	term    uint64
	looked  time.Time // when run last looked with a valid lease
	all     map[uint64]*session
}

// session is what the leader knows of one.
type session struct {
	beat      time.Time // the last renewal
	deadline  time.Time
	expiring  bool // its end has been proposed, or is about to be
	proposing bool
	silent    bool                // the log has it as silent, or is about to
	heard     bool                // since then
	started   map[uint64]struct{} // tokens of leases whose worker said that it started
}

// TTL is how long a session lives without a renewal.
func (s *Sessions) TTL() time.Duration { return s.ttl }

// Renew keeps a session for another TTL.
//
// ErrUnknownSession: it is closed, expired or about to be. *NotLeaderError: this member can't say.
func (s *Sessions) Renew(id uint64) error {
	known, err := s.renew(id)
	if known || err != nil {
		return err
	}
	open := false
	s.read(func(m *task.Machine) { _, open = m.Session(id) })
	if !open {
		return ErrUnknownSession
	}
	s.Opened(id)
	_, err = s.renew(id)
	return err
}

func (s *Sessions) renew(id uint64) (known bool, err error) {
	valid := s.valid()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.leading || !valid {
		return false, s.refusal()
	}
	x := s.all[id]
	switch {
	case x == nil:
		return false, nil
	case x.expiring:
		return true, ErrUnknownSession
	}
	x.beat, x.heard = time.Now(), x.silent
	x.deadline = later(x.deadline, x.beat.Add(s.ttl))
	return true, nil
}

// Opened begins to watch over a session, with a full TTL. The leader calls it for every session that it opens.
func (s *Sessions) Opened(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leading && s.all[id] == nil {
		s.all[id] = s.fresh(time.Now())
		s.signal()
	}
}

func (s *Sessions) fresh(now time.Time) *session {
	return &session{beat: now, deadline: now.Add(s.ttl), started: map[uint64]struct{}{}}
}

// MarkStarted notes tokens of leases whose worker says that it has started: if the session expires, these count as
// deaths of a worker.
func (s *Sessions) MarkStarted(id uint64, tokens []uint64) {
	s.mu.Lock()
	x := s.all[id]
	if x == nil {
		s.mu.Unlock()
		return
	}
	for _, t := range tokens {
		x.started[t] = struct{}{}
	}
	prune := len(x.started) >= pruneStarted
	s.mu.Unlock()
	if prune {
		s.prune(id)
	}
}

// prune forgets the tokens of leases that have ended.
func (s *Sessions) prune(id uint64) {
	live := map[uint64]struct{}{}
	s.read(func(m *task.Machine) {
		for _, l := range m.SessionLeases(id) {
			live[l.Token] = struct{}{}
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[id]; x != nil {
		for t := range x.started {
			if _, ok := live[t]; !ok {
				delete(x.started, t)
			}
		}
	}
}

// Forget drops started tokens whose leases have ended. It needn't be called: they are forgotten in time.
func (s *Sessions) Forget(id uint64, tokens []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[id]; x != nil {
		for _, t := range tokens {
			delete(x.started, t)
		}
	}
}

// LastBeat is when this leader last heard of the session; zero if it doesn't know it.
func (s *Sessions) LastBeat(id uint64) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.all[id]; x != nil {
		return x.beat
	}
	return time.Time{}
}

// lead begins a leadership: every open session gets what is left of its TTL and a random part of one.
func (s *Sessions) lead(term uint64) {
	var open []task.Session
	s.read(func(m *task.Machine) { open = m.Sessions() })
	state := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.leading, s.term, s.looked = true, term, now
	s.all = make(map[uint64]*session, len(open))
	for i := range open {
		x := s.fresh(now)
		if since := open[i].SilentSince; since != 0 {
			x.inherit(now, time.Duration(state-since)*time.Microsecond, s.ttl)
		}
		x.deadline = x.deadline.Add(rand.N(s.ttl / spreadPart))
		s.all[open[i].ID] = x
	}
}

// follow ends a leadership.
func (s *Sessions) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leading, s.all = false, nil
}

// applied takes note of the sessions that an entry of this leader opened or ended.
func (s *Sessions) applied(b *batch, out *applied) {
	if b != nil {
		for i, c := range b.commands {
			if _, ok := task.Inner(c).(*task.OpenSession); ok && out.results[i].Code == task.OK && len(out.results[i].Items) > 0 {
				s.Opened(uint64(out.results[i].Items[0].ID))
			}
		}
	}
	if len(out.effects.Closed) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range out.effects.Closed {
		delete(s.all, id)
	}
}

func (s *Sessions) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// run expires silent sessions until ctx is done.
func (s *Sessions) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(s.look())
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}
