package raftfsm

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// supporting changes a config to that of a version that supports a level.
func supporting(level uint32) func(*Config) {
	return func(c *Config) { c.SupportedLevel = level }
}

// TestLevelOfOne: a group of one is at the level of its version from its first entry on.
func TestLevelOfOne(t *testing.T) {
	for _, supported := range []uint32{1, 2} {
		c := testConfig(t, t.TempDir())
		c.SupportedLevel = supported
		m := startReady(t, c)
		propose(t, m.Node, enqueue("q", 1))
		if level := m.replica.level(); level != supported {
			t.Errorf("level %d, and the member supports %d", level, supported)
		}
		m.close(t)
	}
}

// TestLevelRises: the level is the lowest that the members support, standbys too, and rises when the last of them does and
// says so.
func TestLevelRises(t *testing.T) {
	g := newGroup(t, 2, supporting(1))
	g.add(false, supporting(1))
	g.join(2, false) // a standby that nobody promotes
	rest := func(why string) {
		t.Helper()
		l := g.leader()
		for range 3 {
			l.leadership.leveler.raise()
			g.insist(&task.Tick{})
		}
		if level := l.replica.level(); level != 1 {
			t.Fatalf("the level is %d, but %s", level, why)
		}
	}
	for i := range g.members {
		rest("not all members support another")
		g.members[i].close(t)
		g.configs[i].SupportedLevel = 2
		if i == 2 {
			l := g.leader()
			eventually(t, "it is known to be down", func() bool { return l.lookout.of(serverID(g.members[2].identity)).err != nil })
			rest("one of the members is down")
		}
		g.restart(i)
		for _, m := range g.running() {
			wait(t, m.Ready())
		}
	}
	for _, m := range g.members {
		eventually(t, "the level rises", func() bool { return m.replica.level() == 2 })
	}
	g.converge()
	if st := g.leader().Status(); st.FeatureLevel != 2 || st.SupportedLevel != 2 {
		t.Errorf("status %+v", st)
	}
}

// TestOldMemberIsRefused: who doesn't support the group's level doesn't join, doesn't open its state, and executes nothing
// of it.
func TestOldMemberIsRefused(t *testing.T) {
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 1))
	old := g.add(false, supporting(1))
	id, address := string(serverID(old.identity)), old.network.Addr().String()
	if err := g.leader().Join(t.Context(), id, address, 1); !errors.Is(err, ErrTooOld) {
		t.Errorf("it joins: %v", err)
	}
	// What if it got in nevertheless?
	if err := g.leader().raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), 0, 0).Error(); err != nil {
		t.Fatal(err)
	}
	<-old.done
	if !errors.Is(old.err, task.ErrNewerLevel) {
		t.Errorf("it ended with %v", old.err)
	}
	if n := old.liveTasks(); n != 0 {
		t.Errorf("it executed what came behind, and has %d tasks", n)
	}
	g.members[0].close(t)
	c := g.configs[0]
	c.SupportedLevel = 1
	if _, err := Open(c); !errors.Is(err, task.ErrNewerLevel) {
		t.Errorf("it opens the state of a newer version: %v", err)
	}
}

// TestNewerCommandIsRefused: nobody proposes what some member may not know.
func TestNewerCommandIsRefused(t *testing.T) {
	g := newGroup(t, 1, supporting(1))
	g.insist(enqueue("q", 1))
	nested := &task.Request{ID: "x", Command: &task.MarkSilent{}}
	for _, c := range []task.Command{&task.MarkSilent{}, nested} {
		if _, err := g.leader().Propose(t.Context(), c); !errors.Is(err, ErrLevel) {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// TestLowLevelHasOldCommandsOnly: what needs a level isn't proposed below it.
func TestLowLevelHasOldCommandsOnly(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		x.set(func() { x.machine = task.NewMachine() })
		x.openSession()
		pass(20 * time.Second)
		if n := len(x.marks()); n != 0 {
			t.Errorf("%d silences were noted", n)
		}
	})
}
