package raftfsm

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// restored is the machine of a backup's image, whose every checksum has been verified.
func restored(t *testing.T, b *Backup) (*task.Machine, store.Position) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	if err == nil {
		var n int64
		if n, err = io.Copy(f, b); err == nil && n != b.Size() {
			t.Fatalf("an image of %d bytes has %d", b.Size(), n)
		}
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PrepareImage(f.Name()); err != nil {
		t.Fatal(err)
	}
	v, err := store.OpenImage(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m, err := v.Machine(task.SupportedLevel)
	if err != nil {
		t.Fatal(err)
	}
	return m, v.Position()
}

// TestBackup takes backups at all members while tasks are enqueued: each has the state as it was at its entry, with the hash
// that was taken there, and the members agree.
func TestBackup(t *testing.T) {
	g := newGroup(t, 3, func(c *Config) { c.Checkpoints.Interval = 3 * time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() {
		for ctx.Err() == nil {
			_, _ = g.leader().Propose(context.Background(), enqueue("mail", 5))
		}
	})
	defer load.Wait()
	defer stop()
	var before uint64
	for round := range 3 {
		for _, m := range g.running() {
			b, err := m.Backup(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			machine, at := restored(t, b)
			if at.Index != b.Index || at.Term != b.Term || machine.Hash() != b.Hash {
				t.Errorf("%s: the image is at %d with hash %x, the backup at %d with %x", b.NodeID, at.Index, machine.Hash(), b.Index, b.Hash)
			}
			if machine.LiveTasks() != b.LiveTasks || machine.QueueCount() != b.Queues || machine.Now() != b.StateTime || b.ClusterID == "" {
				t.Errorf("%s: %+v", b.NodeID, b)
			}
			wait, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			verdict, err := m.AwaitVerdict(wait, b)
			cancel()
			if err != nil || verdict.Index < b.Index {
				t.Fatalf("%s: verdict %+v on %d: %v", b.NodeID, verdict, b.Index, err)
			}
			b.Close()
			if round > 0 && b.Index <= before {
				t.Errorf("a backup at %d comes after one at %d", b.Index, before)
			}
		}
		before = g.leader().Applied() - 1
		g.insist(enqueue("mail", 1))
	}
}

// TestBackupOfOne: the only voter agrees with itself, also of a state that is durable already.
func TestBackupOfOne(t *testing.T) {
	m := startReady(t, testConfig(t, t.TempDir()))
	propose(t, m.Node, enqueue("mail", 10))
	for range 2 {
		b, err := m.Backup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		machine, _ := restored(t, b)
		if machine.Hash() != b.Hash || machine.LiveTasks() != 10 {
			t.Errorf("%d tasks, hash %x, not %x", machine.LiveTasks(), machine.Hash(), b.Hash)
		}
		verdict, err := m.AwaitVerdict(t.Context(), b)
		if err != nil || verdict != (Checksum{Index: b.Index, Hash: b.Hash}) {
			t.Errorf("verdict %+v, %v", verdict, err)
		}
		b.Close()
	}
	m.close(t)
	if _, err := m.Backup(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("of a stopped member: %v", err)
	}
}

// TestBackupWithoutMajority: a member that is alone can be backed up, but nobody agrees.
func TestBackupWithoutMajority(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("mail", 1))
	g.converge()
	last := g.running()[0]
	for _, m := range g.running()[1:] {
		m.close(t)
	}
	b, err := last.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if m, _ := restored(t, b); m.LiveTasks() != 1 {
		t.Errorf("%d tasks", m.LiveTasks())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if v, err := last.AwaitVerdict(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

// TestBackupNeedsRoom: a disk without room for the copy is told before anything is written.
func TestBackupNeedsRoom(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	propose(t, m.Node, enqueue("mail", 1))
	m.room = store.NewRoom(c.DataDir, 1<<62, time.Now)
	if _, err := m.Backup(t.Context()); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("backup: %v", err)
	}
	if left, err := os.ReadDir(store.Dir(c.DataDir).Incoming()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestJudgeHurries: who asks for a verdict needn't wait for the interval, and all are told it at once.
func TestJudgeHurries(t *testing.T) {
	for _, voters := range []int{1, 3} {
		x := newJudgeTest(t, voters)
		x.interval = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		runs.Go(func() { x.run(ctx) })
		x.hurry()
		verdict, err := x.own.awaitAgreed(t.Context(), 2)
		if err != nil || verdict != (Checksum{Index: 2, Hash: 102}) {
			t.Errorf("%d voters: %+v, %v", voters, verdict, err)
		}
		eventually(t, "the verdict is told", func() bool { return x.own.last() == 3 })
		cancel()
		runs.Wait()
		if len(x.verdicts) != 2 || x.verdicts[1] != (task.Checksum{Agreed: 2, Hash: 102}) {
			t.Errorf("%d voters: proposed %+v", voters, x.verdicts)
		}
	}
}

// TestBackupHasAllThatWasAcknowledged: a backup of any member has the tasks that were acknowledged before it was asked for, also
// where that member hasn't heard of them yet.
func TestBackupHasAllThatWasAcknowledged(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, follower := g.follower()
	for n := range uint64(10) {
		g.insist(enqueue("q", 1))
		b, err := follower.Backup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if b.LiveTasks <= n {
			t.Errorf("a backup of a follower has %d tasks, of %d that were acknowledged", b.LiveTasks, n+1)
		}
	}
}
