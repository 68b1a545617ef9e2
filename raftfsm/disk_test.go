package raftfsm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// TestIdleSnapshot: raft's own snapshot of a group in which nothing happens but its own entries. Its index is that of a
// barrier, which the machine doesn't see, and must be what the state file says (FACTS 2.4).
func TestIdleSnapshot(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	propose(t, m.Node, enqueue("q", 3))
	for range 3 {
		if err := m.raft.Barrier(0).Error(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	last, _ := m.log.LastIndex()
	if p := m.store.Position(); p.Index != last || p.ConfigurationIndex != 1 {
		t.Fatalf("position %+v, want index %d", p, last)
	}
	first, _ := m.log.FirstIndex()
	if err := m.log.DeleteRange(first, last); err != nil { // as if all of it had been compacted
		t.Fatal(err)
	}
	hash := hashOf(m.Node)
	propose(t, m.Node, &task.Tick{})
	m.close(t)
	m = startReady(t, c)
	if again := hashOf(m.Node); again != hash && m.liveTasks() != 3 {
		t.Fatal("another state")
	}
	propose(t, m.Node, enqueue("q", 3))
}

// TestHistoryAcrossMemoryAndDisk pages through a history whose newest part isn't on disk yet.
func TestHistoryAcrossMemoryAndDisk(t *testing.T) {
	c := testConfig(t, t.TempDir())
	c.Checkpoints.Interval = time.Hour
	m := startReady(t, c)
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	finish := func(n int) {
		propose(t, m.Node, enqueue("q", n))
		f := &task.Finish{}
		for _, l := range propose(t, m.Node, &task.Lease{Session: session, Max: uint32(n)}).Leased {
			f.Outcomes = append(f.Outcomes, task.Outcome{ID: l.ID, Token: l.Token})
		}
		propose(t, m.Node, f)
	}
	check := func(v *View) error {
		for _, limit := range []int{1, 3, 7, 1000} {
			var up, down []task.Task
			for from := uint64(0); ; from = up[len(up)-1].HistorySequence + 1 {
				page, err := v.FinishedFrom(1, from, limit)
				if err != nil {
					return err
				}
				if len(page) == 0 {
					break
				}
				up = append(up, page...)
			}
			for before := uint64(0); ; before = down[len(down)-1].HistorySequence {
				page, err := v.FinishedBefore(1, before, limit)
				if err != nil {
					return err
				}
				if len(page) == 0 {
					break
				}
				down = append(down, page...)
			}
			if len(up) != 60 || len(down) != 60 {
				return fmt.Errorf("pages of %d: %d upwards, %d downwards", limit, len(up), len(down))
			}
			for i := range up {
				if up[i].ID != down[59-i].ID || up[i].HistorySequence != uint64(i+1) || !strings.HasPrefix(string(up[i].Payload), "payload ") {
					return fmt.Errorf("pages of %d: %+v at %d", limit, up[i], i)
				}
			}
		}
		return nil
	}
	finish(30)
	if err := m.checkpoints.take(nil); err != nil {
		t.Fatal(err)
	}
	finish(30)
	if err := m.Read(t.Context(), false, check); err != nil {
		t.Error(err)
	}
	if err := m.checkpoints.take(nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Read(t.Context(), false, check); err != nil {
		t.Error(err)
	}
}

// TestPayloadsFromDisk leases tasks whose payloads have left memory.
func TestPayloadsFromDisk(t *testing.T) {
	c := testConfig(t, t.TempDir())
	c.Checkpoints.PayloadBudget = 1
	m := startReady(t, c)
	ids := propose(t, m.Node, enqueue("q", 100)).Items
	if err := m.checkpoints.take(nil); err != nil {
		t.Fatal(err)
	}
	m.Machine(func(x *task.Machine) {
		if got, _ := x.Task(ids[99].ID); !got.PayloadOnDisk {
			t.Fatal("the payload is still in memory")
		}
	})
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	leased := propose(t, m.Node, &task.Lease{Session: session, Max: 100}).Leased
	if len(leased) != 100 {
		t.Fatalf("%d leases", len(leased))
	}
	for i, l := range leased {
		if l.PayloadOnDisk || string(l.Payload) != fmt.Sprintf("payload %d", i) {
			t.Fatalf("%d: %+v", i, l)
		}
	}
}

// TestDamagedPayload: a payload that fails its checksum isn't delivered, and its lease is given back without burning an
// attempt.
func TestDamagedPayload(t *testing.T) {
	dir := t.TempDir()
	c := testConfig(t, dir)
	m := startReady(t, c)
	payload := bytes.Repeat([]byte("precious "), 4000) // large enough to have pages of its own
	e := &task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Payload: payload, Priority: 5, MaxAttempts: 3}, {Queue: "q", Payload: []byte("fine"), Priority: 5}}}
	id := propose(t, m.Node, e).Items[0].ID
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	m.close(t)
	path := store.Dir(dir).State()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("precious precious"))
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	m = startReady(t, c)
	leased := propose(t, m.Node, &task.Lease{Session: session, Max: 2}).Leased
	if len(leased) != 1 || string(leased[0].Payload) != "fine" {
		t.Fatalf("delivered: %+v", leased)
	}
	eventually(t, "the lease is given back", func() bool {
		var x task.Task
		m.Machine(func(s *task.Machine) { x, _ = s.Task(id) })
		return x.State == task.Scheduled && x.Attempt == 0 && x.Failures == 0
	})
}

// TestDamagedLog: an entry that fails its checksum stops the start with an error that says so.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	c := testConfig(t, dir)
	c.Checkpoints.Interval = time.Hour
	m := startReady(t, c)
	propose(t, m.Node, &task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Payload: bytes.Repeat([]byte("precious "), 4000)}}})
	b, err := os.ReadFile(store.Dir(dir).Log())
	if err != nil {
		t.Fatal(err)
	}
	m.close(t)
	b[bytes.LastIndex(b, []byte("precious precious"))] ^= 1
	copied := t.TempDir()
	identity, err := os.ReadFile(store.Dir(dir).Identity())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(store.Dir(copied).Log(), b, 0o600), os.WriteFile(store.Dir(copied).Identity(), identity, 0o600)); err != nil {
		t.Fatal(err)
	}
	c.DataDir = copied
	if _, err := Open(c); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("%v", err)
	}
}

// TestLostState: a log that begins after the state file's position lacks what lies between.
func TestLostState(t *testing.T) {
	dir := t.TempDir()
	c := testConfig(t, dir)
	c.Raft.TrailingLogs = minTrailing
	c.Checkpoints.Interval = 10 * time.Millisecond
	m := startReady(t, c)
	eventually(t, "a compacted log", func() bool {
		propose(t, m.Node, enqueue("q", 1))
		first, _ := m.log.FirstIndex()
		return first > 1
	})
	m.close(t)
	if err := os.Remove(store.Dir(dir).State()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("%v", err)
	}
}

// smallDisk mounts a tmpfs; the test ends here where that isn't allowed.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("can't mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills the disk under a running node: new tasks are refused while completions go on; when nothing can be
// written at all the node waits, and it goes on by itself when there is room again.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "96m")
	c := testConfig(t, filepath.Join(dir, "data"))
	c.MinFree = 24 << 20
	c.Checkpoints.Interval = 20 * time.Millisecond
	m := startReady(t, c)
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	propose(t, m.Node, enqueue("q", 1000))
	fill := func(leave uint64) (remove func()) {
		t.Helper()
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "ballast")
		if err := os.WriteFile(path, make([]byte, fs.Bavail*uint64(fs.Bsize)-leave), 0o600); err != nil {
			t.Fatal(err)
		}
		return func() { _ = os.Remove(path) }
	}
	complete := func(n uint32) {
		t.Helper()
		f := &task.Finish{}
		for _, l := range propose(t, m.Node, &task.Lease{Session: session, Max: n}).Leased {
			f.Outcomes = append(f.Outcomes, task.Outcome{ID: l.ID, Token: l.Token})
		}
		propose(t, m.Node, f)
	}

	remove := fill(16 << 20)
	eventually(t, "new tasks are refused", func() bool {
		_, err := m.Propose(t.Context(), enqueue("q", 1))
		return errors.Is(err, ErrNoSpace)
	})
	complete(100)
	remove()
	eventually(t, "new tasks are accepted", func() bool {
		_, err := m.Propose(t.Context(), enqueue("q", 1))
		return err == nil
	})

	remove = fill(0)
	// Each takes a little of the disk, until one can't be written and waits.
	var sent, executed atomic.Int32
	eventually(t, "the node says that it is degraded", func() bool {
		sent.Add(1)
		m.Submit([]task.Command{&task.OpenProducer{Name: strings.Repeat("n", 200)}}, true, func(_ []task.Result, err error) {
			if err != nil {
				t.Errorf("a command that waits for room: %v", err)
			}
			executed.Add(1)
		})
		return m.Status().Degraded != ""
	})
	if err := m.Read(t.Context(), false, func(v *View) error { return nil }); err != nil {
		t.Errorf("read on a full disk: %v", err)
	}
	remove()
	eventually(t, "what waited is executed", func() bool { return executed.Load() == sent.Load() })
	eventually(t, "it recovers", func() bool { return m.Status().Degraded == "" })
	complete(100)
	hash := hashOf(m.Node)
	m.close(t)
	m = startReady(t, c)
	if again := hashOf(m.Node); again != hash {
		t.Errorf("state hash %x after the restart, %x before", again, hash)
	}
}

// TestFailedWriteEndsTheNode: after a failed write the state of the disk is unknown, and the node ends.
func TestFailedWriteEndsTheNode(t *testing.T) {
	m := startReady(t, testConfig(t, t.TempDir()))
	if err := m.log.LogStore.Close(); err != nil { // the next write fails
		t.Fatal(err)
	}
	_, err := m.Propose(t.Context(), enqueue("q", 1))
	if !moved(err) && !errors.Is(err, ErrStopped) { // another write may have failed before: then it leads no more, or has ended
		t.Errorf("propose: %v", err)
	}
	wait(t, m.done)
	if m.err == nil {
		t.Fatal("run returned without an error")
	}
}

// TestUnreadableEntry: an entry that this version can't read ends the node; it isn't skipped, nor is what follows
// executed.
func TestUnreadableEntry(t *testing.T) {
	m := startReady(t, testConfig(t, t.TempDir()))
	propose(t, m.Node, enqueue("q", 1))
	hash := hashOf(m.Node)
	later := task.AppendCommand(task.AppendHeader(nil, task.Header{Time: 1}), enqueue("q", 1))
	futures := []raft.ApplyFuture{m.raft.Apply([]byte{99, 1, 2, 3}, 0), m.raft.Apply(later, 0)}
	wait(t, m.done)
	if m.err == nil || !strings.Contains(m.err.Error(), "execute entry") {
		t.Fatalf("run: %v", m.err)
	}
	_ = futures
	if hashOf(m.Node) != hash {
		t.Error("the state has changed")
	}
}
