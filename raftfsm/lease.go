package raftfsm

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// leaderLease knows until when no other member can have become leader: a majority that answered a heartbeat elects
// nobody else for the heartbeat timeout, of which the lease uses less to allow for clocks that differ in speed.
//
// Asking the majority is coalesced: all who ask while one round is on its way share the next.
type leaderLease struct {
	verify func() error // asks the majority; raft.VerifyLeader
	alone  func() bool  // whether this member is the only voter: nobody else can lead
	leads  func() bool  // whether raft believes that it leads
	length time.Duration

	mu      sync.Mutex // guards the rest
	next    *round
	running bool
	until   time.Time
	wg      sync.WaitGroup
}

// round is one question to the majority.
type round struct {
	done chan struct{}
	err  error
}

// valid reports whether the lease holds now.
func (l *leaderLease) valid() bool {
	if l.alone() {
		return l.leads()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// confirm returns when a majority has confirmed, after the call, that this member leads.
func (l *leaderLease) confirm(ctx context.Context) error {
	if l.alone() {
		if !l.leads() {
			return raft.ErrNotLeader
		}
		return nil
	}
	l.mu.Lock()
	r := l.next
	if r == nil {
		r = &round{done: make(chan struct{})}
		l.next = r
		if !l.running {
			l.running = true
			l.wg.Go(l.ask)
		}
	}
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask runs rounds while somebody waits for one.
func (l *leaderLease) ask() {
	for {
		l.mu.Lock()
		r := l.next
		l.next = nil
		if r == nil {
			l.running = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		start := time.Now()
		if r.err = l.verify(); r.err == nil {
			l.mu.Lock()
			l.until = start.Add(l.length)
			l.mu.Unlock()
		}
		close(r.done)
	}
}

// keep renews the lease often enough for it to hold while the majority answers, until ctx is done.
func (l *leaderLease) keep(ctx context.Context) {
	tick := time.NewTicker(l.length / 4)
	defer tick.Stop()
	for {
		_ = l.confirm(ctx) // without an answer the lease runs out
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drop ends the lease with the leadership.
func (l *leaderLease) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = time.Time{}
}

// wait returns when no question is on its way.
func (l *leaderLease) wait() { l.wg.Wait() }
