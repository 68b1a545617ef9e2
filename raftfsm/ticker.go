package raftfsm

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/rowlock/rowlock/task"
)

const (
	// tickWait bounds how long the ticker sleeps, as its clock is slewed.
	tickWait = time.Second
	// tickRetry is how long it waits after a Tick that wasn't executed.
	tickRetry = 100 * time.Millisecond
	// never is the time of a timer that isn't there.
	never = task.Time(math.MaxInt64)
)

// ticker proposes a Tick when the machine's earliest timer is due, and the next at once while more is. There is at most
// one in flight, so that timers never crowd out work.
type ticker struct {
	clock  *clock
	submit func(cs []task.Command, urgent bool, done func([]task.Result, error))
	next   atomic.Int64 // the state time of the earliest timer
	wake   chan struct{}
}

func newTicker(c *clock) *ticker {
	t := &ticker{clock: c, wake: make(chan struct{}, 1)}
	t.next.Store(never)
	return t
}

// due notes the machine's earliest timer, after each entry.
func (t *ticker) due(at task.Time, ok bool) {
	if !ok {
		at = never
	}
	if old := t.next.Swap(at); at >= old {
		return
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run proposes until ctx is done.
func (t *ticker) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait := tickWait
		if next := t.next.Load(); next != never {
			wait = min(wait, t.clock.until(next))
		}
		if wait <= 0 {
			if !t.tick(ctx) {
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
	}
}

// tick proposes one Tick and waits for it; false: ctx is done.
func (t *ticker) tick(ctx context.Context) bool {
	done := make(chan error, 1)
	t.submit([]task.Command{&task.Tick{}}, true, func(_ []task.Result, err error) { done <- err })
	select {
	case <-ctx.Done():
		return false
	case err := <-done:
		if err == nil {
			return true
		}
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(tickRetry):
		return true
	}
}
