package raftfsm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rowlock/rowlock/task"
)

// TestTicker shows that a Tick is proposed when a timer is due and not before, one at a time, at once when there is
// more, and again when one fails.
func TestTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := newClock(time.Now)
		clk.start(0)
		x := newTicker(clk)
		type proposal struct {
			at   time.Time
			done func([]task.Result, error)
		}
		var mu sync.Mutex // guards got
		var got []proposal
		x.submit = func(cs []task.Command, urgent bool, done func([]task.Result, error)) {
			if _, ok := cs[0].(*task.Tick); !ok || !urgent {
				t.Errorf("%T, urgent %v", cs[0], urgent)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, proposal{time.Now(), done})
		}
		ctx, cancel := context.WithCancel(t.Context())
		go x.run(ctx)
		begin := time.Now()
		in := func(d time.Duration) task.Time { return begin.Add(d).UnixMicro() }
		expect := func(n int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(got) != n {
				t.Fatalf("%d ticks, want %d", len(got), n)
			}
		}
		x.due(in(time.Hour), true)
		pass(time.Minute)
		expect(0)
		x.due(in(2*time.Minute), true) // an earlier one
		pass(59 * time.Second)
		expect(0)
		pass(time.Second)
		expect(1)
		pass(time.Minute) // one in flight: no other
		expect(1)
		x.due(in(time.Minute), true) // there is more
		got[0].done([]task.Result{{}}, nil)
		expect(2)
		got[1].done(nil, errors.New("overloaded"))
		pass(tickRetry)
		expect(3)
		got[2].done([]task.Result{{Items: []task.Item{{Code: task.WrongState}}}}, nil) // nothing was done: not again at once
		expect(3)
		pass(tickRetry)
		expect(4)
		x.due(0, false)
		got[3].done([]task.Result{{}}, nil)
		pass(24 * time.Hour)
		expect(4)
		cancel()
		synctest.Wait()
	})
}
