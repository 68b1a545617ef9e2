package raftfsm

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rowlock/rowlock/task"
)

// TestClock moves the wall clock about: the leader's clock never goes back, never jumps, and comes near in time.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := time.Duration(0) // of the wall clock
		c := newClock(func() time.Time { return time.Now().Add(step) })
		c.start(0)
		if o := c.offset(); o != 0 {
			t.Fatalf("offset %s at the start", o)
		}
		last := c.now()
		run := func(d time.Duration) {
			t.Helper()
			for range 100 {
				pass(d / 100)
				now := c.now()
				passed := time.Duration(now-last) * time.Microsecond
				if passed < d/100*89/100 || passed > d/100*111/100 {
					t.Fatalf("it went %s in %s", passed, d/100)
				}
				last = now
			}
		}
		for _, s := range []time.Duration{-time.Minute, time.Hour, -time.Hour} {
			step += s
			run(5 * time.Second)
			if o := c.offset().Abs(); o > s.Abs() || o < s.Abs()-time.Second {
				t.Fatalf("offset %s after a step of %s", o, s)
			}
			run(11 * s.Abs())
			if o := c.offset().Abs(); o > time.Millisecond {
				t.Fatalf("offset %s long after a step of %s", o, s)
			}
		}
	})
}

// TestClockStart begins with the later of the state's time and the wall clock.
func TestClockStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		ahead := time.Now().Add(time.Hour).UnixMicro()
		c.start(ahead)
		if now := c.now(); now != ahead {
			t.Fatalf("%d, want the state's %d", now, ahead)
		}
		pass(time.Second)
		if now := c.now(); now <= ahead {
			t.Fatal("the clock stands still")
		}
		c.start(task.Time(0)) // another leadership
		if now := c.now(); now <= ahead {
			t.Fatal("the clock went back")
		}
	})
}
