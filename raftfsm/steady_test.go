package raftfsm

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// On a busy machine a group can lose its leader at any time: a test that isn't about that must not mind. What is here keeps such
// changes rare, and goes on behind one.

// steadily has a member of several wait long enough for its peers that a busy machine costs nobody the leadership.
func steadily(c *RaftConfig) {
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = time.Second, time.Second, 900*time.Millisecond
}

// freeAddr is an address that nobody listens at, and that nobody gets until the test ends, also while a member is down: its port is
// none that the system gives out by itself, and a UDP socket reserves it among tests.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(20_000))
		hold, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = hold.Close() })
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// moved reports whether a call failed because the leadership moved; what it was to do may have been done.
func moved(err error) bool {
	var other *NotLeaderError
	return lost(err) || errors.As(err, &other) || errors.Is(err, ErrUnknownOutcome)
}

// again calls until it isn't a move of the leadership that the call fails of, and returns its error.
func (g *group) again(what string, call func(l *member) error) (err error) {
	g.t.Helper()
	eventually(g.t, what, func() bool {
		err = call(g.leader())
		return !moved(err)
	})
	return err
}

// once is a command that is executed once, however often it is proposed.
func once(c task.Command) task.Command {
	switch c := c.(type) {
	case *task.Request, *task.Tick:
		return c
	case *task.Enqueue:
		if c.Producer != 0 {
			return c
		}
	}
	return &task.Request{ID: rand.Text(), Command: c}
}

// handOver has another member lead, and returns it.
func (g *group) handOver() *member {
	g.t.Helper()
	old := g.leader()
	next := old
	eventually(g.t, "another leader", func() bool {
		if old.leadership.serving() {
			_ = old.raft.LeadershipTransfer().Error() // it is tried again
		}
		next = g.leader()
		return next != old
	})
	return next
}

// restore puts a backup in the place of the group's state. known is whether the leader that did it could say so.
func (g *group) restore(b backup, r OnlineRestore) (done RestoreSummary, known bool) {
	g.t.Helper()
	_, before := g.suspended(g.leader())
	eventually(g.t, "restored", func() bool {
		l := g.leader()
		if _, now := g.suspended(l); now != before {
			return true
		}
		attempt := r
		attempt.Path = b.upload(g.t, l)
		var err error
		if done, err = l.Restore(g.t.Context(), attempt); err != nil && !moved(err) {
			g.t.Fatal(err)
		}
		known = err == nil
		return known
	})
	return done, known
}

// enqueued is how many tasks a queue of a member has had.
func (m *member) enqueued(queue string) (n uint64) {
	m.Machine(func(x *task.Machine) {
		q, _ := x.Queue(queue)
		n = q.Enqueued
	})
	return n
}

func (m *member) liveTasks() (n uint64) {
	m.Machine(func(x *task.Machine) { n = x.LiveTasks() })
	return n
}

// TestOnce: a command that is insisted on is executed once, also if its answer was lost.
func TestOnce(t *testing.T) {
	g := newGroup(t, 1, nil)
	c := once(enqueue("q", 3))
	if first, second := g.insist(c), g.insist(c); first.Items[0] != second.Items[0] {
		t.Errorf("%+v, then %+v", first, second)
	}
	if n := g.leader().enqueued("q"); n != 3 {
		t.Errorf("%d tasks", n)
	}
}
