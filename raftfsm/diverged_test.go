package raftfsm

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// comparing is a group whose members compare their states all the time.
type comparing struct {
	*group
}

func newComparing(t *testing.T, n int, change func(c *Config)) *comparing {
	t.Helper()
	x := &comparing{}
	x.group = newGroup(t, n, func(c *Config) {
		c.ChecksumInterval = 20 * time.Millisecond
		if change != nil {
			change(c)
		}
	})
	x.insist(enqueue("q", 10))
	return x
}

// corrupt changes a member's state behind the log's back.
func corrupt(t *testing.T, m *member, attempts uint16) {
	t.Helper()
	c := &task.SetQueue{Queue: "q", Fields: task.FieldMaxAttempts, Settings: task.QueueSettings{MaxAttempts: attempts}}
	r := m.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, _, err := r.machine.Apply(r.position.Term, task.AppendCommand(task.AppendHeader(nil, task.Header{}), c), false); err != nil {
		t.Fatal(err)
	}
}

// follower returns a member that doesn't lead, and its number.
func (g *group) follower() (int, *member) {
	g.t.Helper()
	l := g.leader()
	for i, m := range g.members {
		if m != l {
			return i, m
		}
	}
	g.t.Fatal("no follower")
	return 0, nil
}

// alarms is how often the running members found a difference.
func (g *group) alarms() (n float64) {
	for _, m := range g.running() {
		n += counted(m.metrics.mismatches)
	}
	return n
}

// passes waits until all running members have taken n more hashes. Something must change meanwhile, or nothing is compared.
func (g *group) passes(n int) {
	g.t.Helper()
	for range n {
		before := g.leader().replica.checksums.last()
		g.insist(enqueue("q", 1))
		eventually(g.t, "another hash everywhere", func() bool {
			for _, m := range g.running() {
				if m.replica.checksums.last() <= before {
					return false
				}
			}
			return true
		})
	}
}

// ends waits until a member has ended over its state, and shows that its directory is refused from then on.
func (g *group) ends(m *member) {
	g.t.Helper()
	wait(g.t, m.done)
	if !errors.Is(m.err, ErrDiverged) {
		g.t.Fatalf("run: %v", m.err)
	}
	if n := counted(m.metrics.mismatches); n < 1 {
		g.t.Errorf("it counted %v differences", n)
	}
	for i := range g.members {
		if g.members[i] != m {
			continue
		}
		if n, err := Open(g.configs[i]); !errors.Is(err, ErrDiverged) {
			if err == nil {
				n.fatal.fail("end the test", err)
				_ = n.Run(g.t.Context())
			}
			g.t.Fatalf("opening it again: %v", err)
		}
	}
}

// TestEqualStatesNeverAlarm: under load, with a member that restarts and replays the log, all take the same hashes.
func TestEqualStatesNeverAlarm(t *testing.T) {
	x := newComparing(t, 3, func(c *Config) { c.Checkpoints.Interval = 100 * time.Millisecond })
	session := uint64(x.insist(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				x.insist(enqueue("q", 3))
				for _, l := range x.insist(&task.Lease{Session: session, Max: 2}).Leased {
					x.insist(&task.Finish{Outcomes: []task.Outcome{{ID: l.ID, Token: l.Token}}})
				}
			}
		})
	}
	seen := map[uint64]uint64{}
	common := 0
	compare := func() {
		for _, m := range x.running() {
			for _, c := range m.Checksums() {
				hash, known := seen[c.Index]
				if known && hash != c.Hash {
					t.Fatalf("after entry %d hashes %x and %x", c.Index, hash, c.Hash)
				}
				if known {
					common++
				}
				seen[c.Index] = c.Hash
			}
		}
	}
	x.passes(5)
	compare()
	i, m := x.follower()
	m.close(t)
	x.passes(5)
	compare()
	wait(t, x.restart(i).Ready())
	x.passes(5)
	close(stop)
	load.Wait()
	x.converge()
	compare()
	if common < 10 || x.alarms() != 0 {
		t.Errorf("%d equal hashes, %v alarms", common, x.alarms())
	}
}

// TestDivergedFollowerEnds: it ends and isn't started again, the others go on; with its directory emptied it comes back
// as a new member and has their state.
func TestDivergedFollowerEnds(t *testing.T) {
	x := newComparing(t, 3, nil)
	i, m := x.follower()
	corrupt(t, m, 7)
	eventually(t, "it ends", func() bool {
		x.insist(enqueue("q", 1)) // what is idle isn't compared
		return len(x.running()) == 2
	})
	x.ends(m)
	x.passes(3)
	x.converge()

	files, err := filepath.Glob(filepath.Join(x.configs[i].DataDir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.leader().raft.RemoveServer(serverID(m.identity), 0, 10*time.Second).Error(); err != nil {
		t.Fatal(err)
	}
	x.restart(i)
	x.join(i, true)
	x.passes(3)
	x.converge()
	if n := len(x.running()); n != 3 {
		t.Errorf("%d members run", n)
	}
}

// TestDivergedStandbyEnds: a member without a vote is judged as well.
func TestDivergedStandbyEnds(t *testing.T) {
	x := newComparing(t, 2, nil)
	c := x.configs[0]
	c.DataDir, c.NodeID, c.RaftAddr = t.TempDir(), "standby", ""
	m := start(t, c)
	address := raft.ServerAddress(m.network.Addr().String())
	if err := x.leader().raft.AddNonvoter(serverID(m.identity), address, 0, 10*time.Second).Error(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has hashes", func() bool {
		x.insist(enqueue("q", 1))
		return len(m.Checksums()) > 0
	})
	corrupt(t, m, 7)
	eventually(t, "it ends", func() bool {
		x.insist(enqueue("q", 1))
		select {
		case <-m.done:
			return true
		default:
			return false
		}
	})
	if !errors.Is(m.err, ErrDiverged) || len(x.running()) != 2 {
		t.Errorf("run: %v; %d voters run", m.err, len(x.running()))
	}
}

// TestDivergedLeaderEnds: it doesn't tell the others its verdict, but ends, and another leads.
func TestDivergedLeaderEnds(t *testing.T) {
	x := newComparing(t, 3, nil)
	m := x.leader()
	corrupt(t, m, 7)
	eventually(t, "it ends", func() bool {
		x.insist(enqueue("q", 1))
		return len(x.running()) < 3
	})
	x.ends(m)
	x.passes(3)
	x.converge()
	if n := len(x.running()); n != 2 {
		t.Errorf("%d members run", n)
	}
}

// TestNoMajorityOnlyAlarms: where everybody has another state nobody knows who is right.
func TestNoMajorityOnlyAlarms(t *testing.T) {
	x := newComparing(t, 3, nil)
	x.hushed.Store(true)
	x.passes(2) // no report from before is on its way
	for i, m := range x.members {
		corrupt(t, m, uint16(7+i))
	}
	x.passes(2)
	x.hushed.Store(false)
	eventually(t, "several alarms", func() bool {
		x.insist(enqueue("q", 1))
		return x.alarms() > 2
	})
	x.passes(3)
	for _, m := range x.members {
		if err := m.fatal.get(); err != nil {
			t.Errorf("%s ended: %v", m.identity.NodeID, err)
		}
	}
}
