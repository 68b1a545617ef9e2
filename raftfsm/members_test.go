package raftfsm

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// enter has one more member join by itself.
func (g *group) enter(change func(c *Config)) *member {
	g.t.Helper()
	m := g.add(false, change)
	g.admit(m)
	return m
}

// admit asks whoever leads to take a member in.
func (g *group) admit(m *member) {
	g.t.Helper()
	eventually(g.t, "it joins", func() bool {
		return g.leader().Join(g.t.Context(), string(serverID(m.identity)), m.network.Addr().String(), m.config.SupportedLevel) == nil
	})
}

// voters are the node IDs of the voters, as the leader sees them.
func (g *group) voters() []string {
	var names []string
	for _, m := range g.leader().Status().Members {
		if m.Voter {
			names = append(names, m.NodeID)
		}
	}
	slices.Sort(names)
	return names
}

// remove has whoever leads remove a member.
func (g *group) remove(name string) {
	g.t.Helper()
	err := g.again("it is removed", func(l *member) error { return l.Remove(g.t.Context(), name) })
	if err != nil && !errors.Is(err, ErrNoMember) { // the answer of a call before may have been lost
		g.t.Fatal(err)
	}
}

func (g *group) awaitVoters(want ...string) {
	g.t.Helper()
	eventually(g.t, "other voters", func() bool { return slices.Equal(g.voters(), want) })
}

// TestGrowAndShrink grows a group from one member to four, of which three vote, and shrinks it again, under load.
func TestGrowAndShrink(t *testing.T) {
	three := func(c *Config) { c.MaxVoters = 3 }
	g := newGroup(t, 1, three)
	load := func() { g.insist(enqueue("q", 5)) }
	load()
	for range 3 {
		g.enter(three)
		load()
	}
	g.awaitVoters("n1", "n2", "n3")
	<-time.After(2 * stableFor) // in which autopilot would have promoted it
	if v := g.voters(); len(v) != 3 {
		t.Fatalf("voters %v, of at most 3", v)
	}
	// Without a voter the standby takes its place.
	g.remove("n2")
	load()
	g.awaitVoters("n1", "n3", "n4")
	for _, m := range g.members {
		if m.identity.NodeID == "n2" {
			m.close(t)
		}
	}
	g.converge()
	for voters := g.voters(); len(voters) > 1; voters = g.voters() {
		if voters[0] == g.leader().identity.NodeID {
			voters = voters[1:]
		}
		g.remove(voters[0])
		load()
	}
	if err := g.leader().Remove(t.Context(), g.voters()[0]); !errors.Is(err, ErrMajority) {
		t.Errorf("the last voter is removed: %v", err)
	}
	if n := g.leader().enqueued("q"); n%5 != 0 || n < 30 {
		t.Errorf("%d tasks", n)
	}
}

// TestRemovalKeepsTheMajority: with one of three voters down, neither of the others may go.
func TestRemovalKeepsTheMajority(t *testing.T) {
	g := newGroup(t, 3, nil)
	i, m := g.follower()
	m.close(t)
	eventually(t, "the leader knows that it is down", func() bool { return g.leader().lookout.of(serverID(m.identity)).err != nil })
	for _, other := range g.running() {
		for what, change := range map[string]func(*Node) error{
			"remove": func(n *Node) error { return n.Remove(t.Context(), other.identity.NodeID) },
			"demote": func(n *Node) error { return n.Demote(t.Context(), other.identity.NodeID) },
		} {
			if err := g.again("an answer", func(l *member) error { return change(l.Node) }); !errors.Is(err, ErrMajority) {
				t.Errorf("%s %s: %v", what, other.identity.NodeID, err)
			}
		}
	}
	g.remove(m.identity.NodeID) // the one that is down may
	err := g.again("an answer", func(l *member) error { return l.Remove(t.Context(), "nobody") })
	if !errors.Is(err, ErrNoMember) {
		t.Errorf("remove nobody: %v", err)
	}
	g.insist(enqueue("q", 1))
	g.admit(g.restart(i)) // and comes back
	g.awaitVoters("n1", "n2", "n3")
	g.converge()
}

// TestDemotedStaysStandby: nobody promotes a demoted member but an operator.
func TestDemotedStaysStandby(t *testing.T) {
	g := newGroup(t, 3, nil)
	i, m := g.follower()
	name := m.identity.NodeID
	if err := g.again("it is demoted", func(l *member) error { return l.Demote(t.Context(), name) }); err != nil {
		t.Fatal(err)
	}
	m.close(t)
	m = g.restart(i) // it remembers
	wait(t, m.Ready())
	<-time.After(2 * stableFor) // in which autopilot would have promoted it
	if slices.Contains(g.voters(), name) {
		t.Fatal("it was promoted")
	}
	eventually(t, "it is promoted by hand", func() bool { return g.leader().Promote(t.Context(), name) == nil })
	g.awaitVoters("n1", "n2", "n3")
	if m.Describe().Held {
		t.Error("it still asks to stay a standby")
	}
}

// TestLeaderHandsOver: a leader that is to be removed hands over first; leadership goes where it is wanted.
func TestLeaderHandsOver(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, m := g.follower()
	name := m.identity.NodeID
	eventually(t, "the other leads", func() bool {
		if !m.Serving() {
			_ = g.leader().Transfer(t.Context(), name) // it is tried again
		}
		return m.Serving()
	})
	var moved *NotLeaderError
	if err := m.Remove(t.Context(), name); !errors.As(err, &moved) {
		t.Fatalf("the leader removes itself: %v", err)
	}
	eventually(t, "the next leader removes it", func() bool { return g.leader().Remove(t.Context(), name) == nil })
	if v := g.voters(); len(v) != 2 || slices.Contains(v, name) {
		t.Errorf("voters %v", v)
	}
}

// TestWipedMemberIsNew: a member whose disk was wiped comes back under its name and address as another one. Nobody takes
// the name of a member that lives.
func TestWipedMemberIsNew(t *testing.T) {
	g := newGroup(t, 3, nil)
	i, m := g.follower()
	join := func(id, address string) (err error) {
		eventually(t, "a leader answers", func() bool {
			var moved *NotLeaderError
			err = g.leader().Join(t.Context(), id, address, task.SupportedLevel)
			return !lost(err) && !errors.As(err, &moved)
		})
		return err
	}
	if err := join(m.identity.NodeID+"~ffffffff", "127.0.0.1:1"); !errors.Is(err, ErrMemberExists) {
		t.Errorf("a double of a living member joins: %v", err)
	}
	if err := join("x~1", m.network.Addr().String()); !errors.Is(err, ErrMemberExists) {
		t.Errorf("another joins at a living member's address: %v", err)
	}
	m.close(t)
	g.insist(enqueue("q", 3))
	g.configs[i].DataDir = t.TempDir()
	fresh := g.restart(i)
	if fresh.identity.Incarnation == m.identity.Incarnation {
		t.Fatal("the same incarnation")
	}
	eventually(t, "the leader knows that the old one is gone", func() bool { return g.leader().lookout.of(serverID(m.identity)).err != nil })
	g.admit(fresh)
	eventually(t, "it votes", func() bool {
		for _, s := range g.leader().Status().Members {
			if s.ServerID == string(serverID(m.identity)) {
				return false
			}
			if s.ServerID == string(serverID(fresh.identity)) && s.Voter {
				return true
			}
		}
		return false
	})
	g.converge()
}

// TestFoundersBeginTogether: the group begins with all of its founders as voters.
func TestFoundersBeginTogether(t *testing.T) {
	g := &group{t: t}
	var others []Founder
	for range 2 {
		m := g.add(false, nil)
		others = append(others, Founder{ServerID: string(serverID(m.identity)), Address: m.network.Addr().String()})
	}
	g.add(true, func(c *Config) { c.Founders = others })
	for _, m := range g.members {
		wait(t, m.Ready())
	}
	if v := g.voters(); len(v) != 3 {
		t.Fatalf("voters %v", v)
	}
	g.insist(enqueue("q", 1))
	g.converge()
}

// TestRecover makes the only survivor of three a group of its own, with all that it has. Old members can't mix with it.
func TestRecover(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 7))
	g.converge()
	i, m := g.follower()
	for _, other := range g.members {
		if other != m {
			other.close(t)
		}
	}
	m.close(t)
	dir := g.configs[i].DataDir
	refused := errors.New("no")
	if err := Recover(dir, "", testLogger(t), func(Recovery) error { return refused }); !errors.Is(err, refused) {
		t.Fatalf("not confirmed: %v", err)
	}
	var told Recovery
	if err := Recover(dir, "", testLogger(t), func(r Recovery) error { told = r; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(told.Members) != 3 || told.LiveTasks != 7 || told.NewClusterID == told.ClusterID || told.LastIndex == 0 {
		t.Errorf("told %+v", told)
	}
	g.configs[i].ClusterID = ""
	m = g.restart(i)
	wait(t, m.Ready())
	propose(t, m.Node, enqueue("q", 1))
	if st := m.Status(); len(st.Members) != 1 || st.ClusterID != told.NewClusterID || !st.Serving {
		t.Errorf("status %+v", st)
	}
	if n := m.enqueued("q"); n != 8 {
		t.Errorf("%d tasks", n)
	}
	old := (i + 1) % 3
	g.restart(old)
	other := g.members[old]
	if _, err := other.network.Dial(raft.ServerAddress(m.network.Addr().String()), time.Second); !errors.Is(err, ErrForeignCluster) {
		t.Errorf("an old member reaches the new group: %v", err)
	}
	if err := Recover(t.TempDir(), "", testLogger(t), func(Recovery) error { return nil }); !errors.Is(err, ErrRefused) {
		t.Errorf("recover nothing: %v", err)
	}
}

// TestRecoverGivesNothingOutAgain: what a lost majority acknowledged, and the survivor never saw, is lost; its IDs and tokens don't
// come again.
func TestRecoverGivesNothingOutAgain(t *testing.T) {
	g := newGroup(t, 3, nil)
	kept := g.insist(enqueue("q", 1)).Items[0].ID
	worker := &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}
	session := uint64(g.insist(worker).Items[0].ID)
	eventually(t, "the feature level", func() bool { return g.leader().replica.level() >= task.LevelFeatures })
	g.converge()
	i, m := g.follower()
	m.close(t)
	lost := g.insist(enqueue("q", 1)).Items[0].ID
	stale := g.insist(&task.Lease{Session: session, Max: 1}).Leased[0]
	later := uint64(g.insist(worker).Items[0].ID)
	if stale.ID != kept {
		t.Fatalf("leased %+v", stale)
	}
	for _, other := range g.running() {
		other.close(t)
	}
	if err := Recover(g.configs[i].DataDir, "", testLogger(t), func(Recovery) error { return nil }); err != nil {
		t.Fatal(err)
	}
	g.configs[i].ClusterID = ""
	m = g.restart(i)
	wait(t, m.Ready())
	if id := propose(t, m.Node, enqueue("q", 1)).Items[0].ID; id <= lost {
		t.Errorf("task %v came before: the last one was %v", id, lost)
	}
	if s := uint64(propose(t, m.Node, worker).Items[0].ID); s <= later {
		t.Errorf("session %d came before: the last one was %d", s, later)
	}
	fresh := propose(t, m.Node, &task.Lease{Session: session, Max: 1}).Leased
	if len(fresh) != 1 || fresh[0].ID != kept || fresh[0].Token <= stale.Token {
		t.Errorf("leased %+v, and %+v before", fresh, stale)
	}
	r := propose(t, m.Node, &task.Finish{Outcomes: []task.Outcome{{ID: stale.ID, Token: stale.Token}}})
	if r.Items[0].Code != task.StaleToken {
		t.Errorf("the outcome of a lease that was lost: %+v", r.Items[0])
	}
}

// TestPromiseIsKept: a member that belongs to a cluster can't be promised to another, also after a restart.
func TestPromiseIsKept(t *testing.T) {
	dir := t.TempDir()
	stop := errors.New("enough")
	open := func(clusterID, want string) {
		t.Helper()
		c := testConfig(t, dir)
		c.Bootstrap = false
		c.Form = func(f Forming) (Founding, error) {
			if f.ClusterID != want {
				t.Errorf("promised to %q, not to %q", f.ClusterID, want)
			}
			if err := f.Promise(clusterID); want != "" && want != clusterID && !errors.Is(err, ErrOtherNode) {
				t.Errorf("promised to %q, then to %q: %v", want, clusterID, err)
			}
			return Founding{}, stop
		}
		if _, err := Open(c); !errors.Is(err, stop) {
			t.Fatal(err)
		}
	}
	open("a", "")
	open("b", "a")
	open("a", "a")
	if id, ok, err := store.LoadIdentity(dir); err != nil || !ok || id.ClusterID != "a" {
		t.Errorf("%+v %v %v", id, ok, err)
	}
}
