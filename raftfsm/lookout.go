package raftfsm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// lookEvery is how often a member is asked how it does.
	lookEvery = 500 * time.Millisecond
	// lookTimeout is how long its answer may take.
	lookTimeout = 2 * time.Second
	// freshFor is how long an answer counts.
	freshFor = 3 * time.Second
)

var errNotAsked = errors.New("it hasn't been asked yet")

// lookout knows how other members do: the leader of all, a follower of the leader.
type lookout struct {
	raft       *raft.Raft
	self       raft.ServerID
	discoverer atomic.Pointer[Discoverer]

	mu     sync.Mutex // guards the rest
	seen   map[raft.ServerID]sighting
	asking map[raft.ServerID]bool
}

// sighting is the last that was heard of a member.
type sighting struct {
	Description
	at  time.Time // of the last answer
	err error     // of the last question
}

func newLookout(self raft.ServerID) *lookout {
	return &lookout{self: self, seen: map[raft.ServerID]sighting{}, asking: map[raft.ServerID]bool{}}
}

// of returns what is known of a member. Its error is nil if it answered lately, under the identity that the group knows.
func (l *lookout) of(id raft.ServerID) sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.seen[id]
	switch {
	case !ok:
		s.err = errNotAsked
	case s.err == nil && s.ServerID != string(id):
		s.err = errors.New("another member answers at its address")
	case s.err == nil && time.Since(s.at) > freshFor:
		s.err = errors.New("it hasn't answered for a while")
	}
	return s
}

// checksums asks a member, now, for the hashes of its state.
func (l *lookout) checksums(ctx context.Context, address string) ([]Checksum, error) {
	d := l.discoverer.Load()
	if d == nil {
		return nil, errNotAsked
	}
	answer, err := (*d).Describe(ctx, address)
	return answer.Checksums, err
}

// judge asks a member, which leads, to compare the members' states now.
func (l *lookout) judge(ctx context.Context, address string) error {
	d := l.discoverer.Load()
	if d == nil {
		return errNotAsked
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return (*d).Judge(ctx, address)
}

// readIndex asks a member, which leads, which entry has all that was acknowledged.
func (l *lookout) readIndex(ctx context.Context, address string) (uint64, error) {
	d := l.discoverer.Load()
	if d == nil {
		return 0, errNotAsked
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return (*d).ReadIndex(ctx, address)
}

// run asks, until ctx is done.
func (l *lookout) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		if d := l.discoverer.Load(); d != nil {
			for _, s := range l.watched() {
				if l.begin(s.ID) {
					wg.Go(func() { l.ask(ctx, *d, s) })
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watched are the members to ask; others are forgotten.
func (l *lookout) watched() []raft.Server {
	leads := l.raft.State() == raft.Leader
	_, leader := l.raft.LeaderWithID()
	var list []raft.Server
	keep := map[raft.ServerID]bool{}
	for _, s := range l.raft.GetConfiguration().Configuration().Servers {
		if s.ID != l.self && (leads || s.ID == leader) {
			list = append(list, s)
			keep[s.ID] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.seen {
		if !keep[id] {
			delete(l.seen, id)
		}
	}
	return list
}

// now asks members at once, for a decision that shouldn't rest on what is half a second old.
func (l *lookout) now(ctx context.Context, servers []raft.Server) {
	d := l.discoverer.Load()
	if d == nil {
		return
	}
	var wg sync.WaitGroup
	for _, s := range servers {
		if s.ID != l.self {
			wg.Go(func() { l.ask(ctx, *d, s) })
		}
	}
	wg.Wait()
}

// begin notes that a member is being asked; false: it is already.
func (l *lookout) begin(id raft.ServerID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking[id] {
		return false
	}
	l.asking[id] = true
	return true
}

func (l *lookout) ask(ctx context.Context, d Discoverer, s raft.Server) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	answer, err := d.Describe(ctx, string(s.Address))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asking, s.ID)
	old := l.seen[s.ID]
	if old.err = err; err == nil {
		old.Description, old.at = answer, time.Now()
	}
	l.seen[s.ID] = old
}
