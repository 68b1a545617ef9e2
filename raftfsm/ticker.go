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
	// tickRetry is how long it waits after a proposal that wasn't executed, or did nothing.
	tickRetry = 100 * time.Millisecond
	// never is the time of a timer that isn't there.
	never = task.Time(math.MaxInt64)
)

// ticker proposes a Tick when the machine's earliest timer is due, and the next at once while more is. There is at most
// one in flight, so that timers never crowd out work. Another one proposes the ticks of schedules in the same way.
type ticker struct {
	clock    *clock
	commands func() []task.Command // what to propose; nothing: there is nothing to be done now
	submit   func(cs []task.Command, urgent bool, done func([]task.Result, error))
	next     atomic.Int64 // the state time of the earliest timer
	wake     chan struct{}
}

func newTicker(c *clock) *ticker {
	t := &ticker{clock: c, wake: make(chan struct{}, 1)}
	t.commands = func() []task.Command { return []task.Command{&task.Tick{}} }
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

// tick makes one proposal and waits for it; false: ctx is done.
func (t *ticker) tick(ctx context.Context) bool {
	cs := t.commands()
	if len(cs) == 0 {
		return t.pause(ctx, tickWait)
	}
	done := make(chan bool, 1)
	t.submit(cs, true, func(rs []task.Result, err error) { done <- err == nil && !idle(rs) })
	select {
	case <-ctx.Done():
		return false
	case moved := <-done:
		if moved {
			return true
		}
	}
	return t.pause(ctx, tickRetry)
}

// idle reports whether commands had parts and none did anything: to propose the same at once would be of no use.
func idle(rs []task.Result) bool {
	parts := 0
	for _, r := range rs {
		for _, item := range r.Items {
			if parts++; item.Code != task.WrongState && item.Code != task.Invalid && item.Code != task.NoSuchSchedule {
				return false
			}
		}
	}
	return parts > 0
}

// pause waits; false: ctx is done.
func (t *ticker) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
