package raftfsm

import (
	"testing"
	"testing/synctest"
	"time"
)

// batchOf is a small batch of n proposals.
func batchOf(n int) *batch { return &batch{proposals: make([]proposal, n), bytes: n} }

// TestGather: an entry waits for as much company as the last ones had, for a bounded time behind an answer, and not at
// all when nobody was answered lately or when it is large.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gather
		wait := func(n, inFlight int) time.Duration { return g.wait(batchOf(n), inFlight) }

		if d := wait(1, 0); d != 0 {
			t.Fatalf("the first proposal of all waits %v", d)
		}
		g.sealed(3) // the entry that probes comes first; this is the one behind it
		g.answered = time.Now()
		if d := wait(1, 0); d != gatherFor {
			t.Errorf("one of three waits %v, want %v", d, gatherFor)
		}
		if d := wait(3, 0); d != 0 {
			t.Errorf("three of three wait %v", d)
		}
		if d := wait(3, 1); d == 0 {
			t.Error("a small entry goes out beside one in flight")
		}
		if d := g.wait(&batch{proposals: make([]proposal, 1), bytes: gatherBytes}, 1); d != 0 {
			t.Errorf("a large entry waits %v", d)
		}

		time.Sleep(gatherFor / 2)
		if d := wait(1, 0); d != gatherFor/2 {
			t.Errorf("half-way, one of three waits %v, want %v", d, gatherFor/2)
		}
		time.Sleep(gatherFor / 2)
		if d := wait(1, 0); d != 0 {
			t.Errorf("long after the answer, one of three waits %v", d)
		}
	})
}

// TestGatherForgets: when callers stay away, entries stop waiting for them; now and then one waits to find out whether
// there are more.
func TestGatherForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gather
		g.sealed(9)
		probes := 0
		for range 2*gatherProbe + gatherSpan {
			g.answered = time.Now()
			if g.wait(batchOf(1), 0) > 0 && g.expected() == 1 {
				probes++
			}
			g.sealed(1)
		}
		if g.expected() != 1 {
			t.Errorf("after %d lone proposals, %d are expected", gatherSpan, g.expected())
		}
		if probes != 2 {
			t.Errorf("%d probes in %d entries, want one in %d", probes, 2*gatherProbe+gatherSpan, gatherProbe)
		}
	})
}
