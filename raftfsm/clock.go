package raftfsm

import (
	"sync"
	"time"

	"github.com/rowlock/rowlock/task"
)

// slewPart bounds the correction of the leader's clock: a tenth of the time that passes.
const slewPart = 10

// clock stamps the entries that a leader proposes. It begins where the state's time or the wall clock is, whichever is
// later, follows the monotonic clock from there, and is slewed towards the wall clock. It never goes back, and a step of
// the wall clock (NTP, an operator) never makes it jump: timers and retention don't fire at once by mistake.
type clock struct {
	wall func() time.Time
	mono func() time.Duration // time since some moment, never set

	mu   sync.Mutex // guards the rest
	at   task.Time
	last time.Duration // mono's reading at at
}

func newClock(wall func() time.Time) *clock {
	start := time.Now()
	return &clock{wall: wall, mono: func() time.Duration { return time.Since(start) }}
}

// start begins a leadership with the state's time.
func (c *clock) start(state task.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = max(state, c.wall().UnixMicro(), c.at)
	c.last = c.mono()
}

// now reads the clock.
func (c *clock) now() task.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	mono := c.mono()
	passed := (mono - c.last).Microseconds()
	if passed <= 0 {
		return c.at
	}
	c.last += time.Duration(passed) * time.Microsecond
	ahead := c.at + passed - c.wall().UnixMicro()
	most := passed / slewPart
	c.at += passed - min(max(ahead, -most), most)
	return c.at
}

// offset is how far it is ahead of the wall clock.
func (c *clock) offset() time.Duration {
	return time.Duration(c.now()-c.wall().UnixMicro()) * time.Microsecond
}

// until is how long to wait until the clock shows t, at most: it may run faster by the slew.
func (c *clock) until(t task.Time) time.Duration {
	return time.Duration(t-c.now()) * time.Microsecond
}
