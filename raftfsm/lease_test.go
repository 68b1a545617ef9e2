package raftfsm

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestLeaseCoalesces: however many ask, one question is on its way and one waits.
func TestLeaseCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := &leaderLease{length: time.Second, alone: func() bool { return false }, verify: func() error {
			asked.Add(1)
			pass(10 * time.Millisecond)
			return nil
		}}
		ask := func() {
			if err := l.confirm(t.Context()); err != nil {
				t.Error(err)
			}
		}
		go ask()
		pass(time.Millisecond)
		for range 100 {
			go ask() // they come after the first question has been sent: its answer is none to them
		}
		pass(15 * time.Millisecond)
		if n := asked.Load(); n != 2 {
			t.Fatalf("asked %d times", n)
		}
		l.wait()
	})
}

// TestLeaseRunsOut: the lease counts from the question, not from the answer.
func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail error
		l := &leaderLease{length: time.Second, alone: func() bool { return false }, verify: func() error {
			pass(900 * time.Millisecond)
			return fail
		}}
		if l.valid() {
			t.Fatal("valid before anybody was asked")
		}
		if err := l.confirm(t.Context()); err != nil || !l.valid() {
			t.Fatal(err, l.valid())
		}
		pass(101 * time.Millisecond)
		if l.valid() {
			t.Fatal("valid for longer than its length")
		}
		fail = raft.ErrLeadershipLost
		if err := l.confirm(t.Context()); !errors.Is(err, fail) || l.valid() {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.confirm(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		l.wait()
		fail = nil
		if err := l.confirm(t.Context()); err != nil || !l.valid() {
			t.Fatal(err)
		}
		if l.drop(); l.valid() {
			t.Fatal("valid after the leadership")
		}
	})
}

func TestLeaseAlone(t *testing.T) {
	leads := true
	l := &leaderLease{alone: func() bool { return true }, leads: func() bool { return leads }}
	if err := l.confirm(t.Context()); err != nil || !l.valid() {
		t.Fatal(err)
	}
	leads = false
	if err := l.confirm(t.Context()); !errors.Is(err, raft.ErrNotLeader) || l.valid() {
		t.Fatal(err)
	}
}

// TestStuckTransfer: a leader that answers nothing but that it hands over its leadership ends (raft#696).
func TestStuckTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := raft.ErrLeadershipTransferInProgress
		state := error(nil)
		g := &transferGuard{fatal: newFatal(), probe: func() error { return state }}
		g.answer(stuck)
		pass(3 * time.Second)
		g.answer(nil) // it was over in time
		pass(time.Minute)
		g.answer(stuck)
		pass(stuckTransfer + time.Second)
		synctest.Wait()
		if err := g.fatal.get(); err != nil {
			t.Fatalf("ended though the probe went well: %v", err)
		}
		state = stuck
		g.answer(stuck)
		pass(stuckTransfer + time.Second)
		synctest.Wait()
		if err := g.fatal.get(); !errors.Is(err, stuck) {
			t.Fatalf("%v", err)
		}
		g.stop()
	})
}

func TestIndexMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m indexMark
		m.advance(5)
		m.advance(3)
		if err := m.wait(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 3)
		for _, i := range []uint64{6, 7, 9} {
			go func() { done <- m.wait(t.Context(), i) }()
		}
		synctest.Wait()
		m.advance(7)
		synctest.Wait()
		if len(done) != 2 {
			t.Fatalf("%d woke", len(done))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.wait(ctx, 8); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		m.advance(9)
		synctest.Wait()
		if len(done) != 3 {
			t.Fatal("the last didn't wake")
		}
	})
}
