package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"
)

// upTo is a random duration.
func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most)))
}

// killOne kills a member and starts it again after a while.
func (r *run) killOne(random *rand.Rand) error {
	i, gap := random.IntN(size), upTo(random, 3*time.Second)
	r.say("kill -9 %s for %s", name(i), gap.Round(time.Millisecond))
	if err := r.group.kill(i); err != nil {
		return err
	}
	pause(r.ctx, gap)
	return r.group.start(r.ctx, i)
}

// killAll kills all members at once: what was acknowledged is on their disks.
func (r *run) killAll(random *rand.Rand) error {
	r.say("kill -9 of all members")
	for _, i := range random.Perm(size) {
		if err := r.group.kill(i); err != nil {
			return err
		}
	}
	return r.group.start(r.ctx, 0, 1, 2)
}

// stopOne stops a member for a while, longer than leases of the leader or sessions last, or not.
func (r *run) stopOne(random *rand.Rand) error {
	i, gap := random.IntN(size), upTo(random, 8*time.Second)
	r.say("SIGSTOP %s for %s", name(i), gap.Round(time.Millisecond))
	n := r.group.node(i)
	if err := n.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pause(r.ctx, gap)
	return n.Signal(syscall.SIGCONT)
}

// wipe takes a member's disk away: it comes back as a new member.
func (r *run) wipe(random *rand.Rand) error {
	i := random.IntN(size)
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	r.say("wipe %s", name(i))
	if err := r.wipeNow(i); err != nil {
		return err
	}
	return r.group.whole(r.ctx)
}

func (r *run) wipeNow(i int) error {
	if err := r.group.kill(i); err != nil {
		return err
	}
	if err := os.RemoveAll(r.group.data(i)); err != nil {
		return err
	}
	return r.group.start(r.ctx, i)
}

// rebuild gives a stopped member its state from the others.
func (r *run) rebuild(random *rand.Rand) error {
	i := random.IntN(size)
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	return r.rebuildNow(i)
}

func (r *run) rebuildNow(i int) error {
	if err := r.group.kill(i); err != nil {
		return err
	}
	var a answer
	err := until(r.ctx, startTime, func(context.Context) bool {
		var err error
		a, err = r.group.command(r.ctx, i+1, "cluster", "rebuild", "--data-dir", r.group.data(i), "--yes")
		return err == nil && a.code != unavailable // the leader may have been the one that was killed
	})
	if err != nil {
		return fmt.Errorf("rebuild %s: exit code %d: %s", name(i), a.code, a.stderr)
	}
	r.say("rebuild %s: %d %s", name(i), a.code, a.short())
	if a.code != 0 {
		return fmt.Errorf("rebuild %s: exit code %d: %s", name(i), a.code, a.stderr)
	}
	if err := r.group.start(r.ctx, i); err != nil {
		return err
	}
	return r.group.whole(r.ctx)
}

// transfer hands the leadership over.
func (r *run) transfer(*rand.Rand) error {
	return r.operate("cluster", "transfer-leader")
}

// trouble is what happens to a member while something else is under way.
type trouble struct {
	kind   int
	member int
	after  time.Duration
}

// The kinds of trouble; what is beyond them is none.
const (
	killed = iota
	wiped
	stopped
	deposed
	troubles
)

func newTrouble(random *rand.Rand) trouble {
	return trouble{kind: random.IntN(2 * troubles), member: random.IntN(size), after: upTo(random, 1500*time.Millisecond)}
}

func (t trouble) String() string {
	if t.kind >= troubles {
		return "without trouble"
	}
	return fmt.Sprintf("with %s %s after %s", name(t.member), []string{"killed", "wiped", "stopped", "deposed"}[t.kind], t.after.Round(time.Millisecond))
}

// during does something, and has trouble meanwhile. All members run when it returns.
func (r *run) during(t trouble, do func() error) error {
	var (
		wait sync.WaitGroup
		bad  error
	)
	wait.Go(func() { bad = r.trouble(t) })
	err := do()
	wait.Wait()
	if bad != nil {
		return bad
	}
	return err
}

func (r *run) trouble(t trouble) error {
	if t.kind >= troubles || !pause(r.ctx, t.after) {
		return nil
	}
	switch n := r.group.node(t.member); t.kind {
	case killed:
		if err := r.group.kill(t.member); err != nil {
			return err
		}
		return r.group.start(r.ctx, t.member)
	case wiped:
		return r.wipeNow(t.member)
	case stopped:
		if err := n.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		pause(r.ctx, 3*time.Second)
		return n.Signal(syscall.SIGCONT)
	case deposed:
		return r.transfer(nil)
	}
	return nil
}
