package raftfsm

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// archiving is a config whose log is compacted at once where nothing keeps it.
func archiving(c *Config) {
	c.Raft.TrailingLogs, c.Raft.TrailingBytes = minTrailing, 1
	c.Checkpoints.Interval = 5 * time.Millisecond
}

// fill proposes entries, one after the other.
func fill(t *testing.T, n *Node, entries int) {
	t.Helper()
	for range entries {
		propose(t, n, enqueue("q", 4))
	}
	eventually(t, "all that was answered counts as executed", func() bool { return n.Applied() >= n.replica.at().Index })
}

// firstIndex is the oldest entry of a member's log.
func firstIndex(t *testing.T, n *Node) uint64 {
	t.Helper()
	first, err := n.log.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// TestLogWaitsForArchive: entries stay until they are archived, and go then.
func TestLogWaitsForArchive(t *testing.T) {
	g := newGroup(t, 1, archiving)
	n := g.leader().Node
	g.insist(&task.NoteArchived{Index: n.Applied()})
	archived := n.Applied()
	fill(t, n, 600)
	eventually(t, "a checkpoint of them all", func() bool { return n.store.Position().Index >= n.Applied()-1 })
	var seen uint64
	end := n.Applied()
	last, err := n.ReadLog(archived, 1<<30, func(e LogEntry) error {
		if e.Index != archived+seen+1 {
			t.Fatalf("entry %d comes behind %d others", e.Index, seen)
		}
		seen++
		return nil
	})
	if err != nil || last < end || seen < 600 {
		t.Fatalf("read up to %d: %v", last, err)
	}
	g.insist(&task.NoteArchived{Index: last})
	eventually(t, "what is archived is compacted", func() bool {
		fill(t, n, 1)
		return firstIndex(t, n) > archived+1
	})
	if _, err := n.ReadLog(archived, 1<<30, func(LogEntry) error { return nil }); !errors.Is(err, ErrLogGap) {
		t.Errorf("a gap isn't told: %v", err)
	}
	if _, err := n.executed.term(archived); !errors.Is(err, ErrLogGap) {
		t.Errorf("the term of an entry that isn't there: %v", err)
	}
}

// TestLogWaitsWithinBounds: an archive that nobody makes doesn't fill the disk.
func TestLogWaitsWithinBounds(t *testing.T) {
	g := newGroup(t, 1, func(c *Config) {
		archiving(c)
		c.Raft.ArchiveBytes = 64 << 10
	})
	n := g.leader().Node
	archived := n.Applied()
	g.insist(&task.NoteArchived{Index: archived})
	fill(t, n, 100)
	if first := firstIndex(t, n); first > archived+1 {
		t.Fatalf("the log begins at %d, though little waits behind %d", first, archived)
	}
	eventually(t, "the bound is kept", func() bool {
		fill(t, n, 50)
		return firstIndex(t, n) > archived+1
	})
	eventually(t, "the log is short again", func() bool {
		fill(t, n, 1)
		return n.log.Entries() < 4*minTrailing
	})
}

// TestInstalledStateIsNoLog: a member that got its state from the leader doesn't take the noop in its log, which stands for
// what it doesn't have, for an entry.
func TestInstalledStateIsNoLog(t *testing.T) {
	g := newGroup(t, 1, archiving)
	n := g.leader().Node
	fill(t, n, 10)
	at := n.replica.at()
	p := at
	p.Index--
	p.Term++ // as if what the log holds had never been committed
	if err := n.log.follow(p); err != nil {
		t.Fatal(err)
	}
	_, err := n.ReadLog(p.Index-1, 1<<20, func(e LogEntry) error {
		t.Errorf("entry %d is taken for one that was executed", e.Index)
		return nil
	})
	if !errors.Is(err, ErrLogGap) {
		t.Errorf("it reads across: %v", err)
	}
}

// TestFollowersLogsAreWhole: what a leader appended, its noops too, is known for it in the logs of those that may lead next.
func TestFollowersLogsAreWhole(t *testing.T) {
	g := newGroup(t, 3, nil)
	for range 2 {
		g.insist(enqueue("q", 3))
		g.handOver()
	}
	g.converge()
	for _, m := range g.running() {
		noops, end := 0, m.Applied()
		last, err := m.ReadLog(0, 1<<20, func(e LogEntry) error {
			if e.Type == raft.LogNoop {
				noops++
			}
			return nil
		})
		if err != nil || last < end || noops < 3 {
			t.Errorf("member %s has %d entries and %d noops: %v", m.identity.NodeID, last, noops, err)
		}
	}
}
