package raftfsm

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// backup is a state file with what a test knows of it.
type backup struct {
	path string
	hash uint64
	live uint64
}

// save copies a member's state file, as a backup does.
func save(t *testing.T, m *member) (b backup) {
	t.Helper()
	eventually(t, "a state file that has it all", func() bool {
		if err := m.checkpoints.take(nil); err != nil {
			t.Fatal(err)
		}
		v, err := m.store.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		b.path = filepath.Join(t.TempDir(), "backup.db")
		f, err := os.Create(b.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.WriteTo(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		m.Machine(func(x *task.Machine) { b.live = x.LiveTasks() })
		var index uint64
		index, b.hash = stateOf(m.Node)
		return index == v.Position().Index
	})
	return b
}

// upload puts a backup into a file of the member.
func (b backup) upload(t testing.TB, m *member) string {
	t.Helper()
	content, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	path, err := m.ReceiveImage(sha256.Sum256(content), uint64(len(content)), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// leased opens a session and leases a task to it.
func (g *group) leased() (session uint64, l task.Leased) {
	g.t.Helper()
	session = uint64(g.insist(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	r := g.insist(&task.Lease{Session: session, Max: 1})
	if len(r.Leased) != 1 {
		g.t.Fatalf("nothing to lease: %+v", r)
	}
	return session, r.Leased[0]
}

func (g *group) suspended(m *member) (is bool, timeline uint64) {
	m.Machine(func(x *task.Machine) {
		_, is = x.Suspended()
		timeline = x.Timeline().ID
	})
	return is, timeline
}

// awaitTimeline waits until all running members are in a timeline.
func (g *group) awaitTimeline(id uint64) {
	g.t.Helper()
	eventually(g.t, "all members are in the timeline", func() bool {
		for _, m := range g.running() {
			if _, at := g.suspended(m); at != id {
				return false
			}
		}
		return true
	})
}

// TestRestoreOnline puts a backup in the place of a running group's state: all members have it, nothing of before counts, and
// the group goes on once it is resumed.
func TestRestoreOnline(t *testing.T) {
	g := newGroup(t, 3, func(c *Config) { c.ChecksumInterval = 20 * time.Millisecond })
	kept := g.insist(enqueue("q", 5)).Items
	session, lease := g.leased()
	b := save(t, g.leader())
	later := g.insist(enqueue("q", 300)).Items
	cluster := g.leader().Status().ClusterID

	done, known := g.restore(b, OnlineRestore{Hash: &b.hash, Why: "a test"})
	if known && (done.Timeline.ID != 1 || done.LiveTasks != b.live || done.ClusterID != cluster || done.Hash != b.hash) {
		t.Errorf("restored %+v", done)
	}
	g.awaitTimeline(1)
	g.converge()
	for _, m := range g.running() {
		if is, _ := g.suspended(m); !is {
			t.Error("a member isn't suspended")
		}
		m.Machine(func(x *task.Machine) {
			if n := x.LiveTasks(); n != b.live {
				t.Errorf("%d live tasks, want %d", n, b.live)
			}
			if _, ok := x.Task(later[299].ID); ok {
				t.Error("a task of after the backup is there")
			}
		})
		if entries, err := os.ReadDir(filepath.Join(m.config.DataDir, "images")); err == nil && len(entries) > 0 {
			t.Errorf("an image is left: %v", entries)
		}
	}
	if r := g.insist(&task.Finish{Outcomes: []task.Outcome{{ID: lease.ID, Token: lease.Token}}}); r.Items[0].Code != task.StaleToken {
		t.Errorf("an outcome of before: %+v", r)
	}
	if r := g.insist(&task.Lease{Session: session, Max: 1}); r.Code != task.UnknownSession {
		t.Errorf("a session of before: %+v", r)
	}
	if r := g.insist(enqueue("q", 1)); r.Items[0].ID <= later[299].ID {
		t.Errorf("task ID %v was given out before", r.Items[0].ID)
	}
	next := uint64(g.insist(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	if r := g.insist(&task.Lease{Session: next, Max: 1}); len(r.Leased) != 0 {
		t.Errorf("leased while suspended: %+v", r)
	}
	g.insist(&task.ResumeCluster{})
	if r := g.insist(&task.Lease{Session: next, Max: 1}); len(r.Leased) != 1 || r.Leased[0].Token <= lease.Token || r.Leased[0].ID != kept[0].ID {
		t.Errorf("leased after it was resumed: %+v", r)
	}
	for i := range g.members { // all of it is durable
		g.members[i].close(t)
		g.restart(i)
	}
	g.awaitTimeline(1)
	g.converge()
}

// TestRestoreSurvivesLeaders: a member that was down, or dies right behind the restore, has the restored state when it is back;
// one that was far behind gets it by a snapshot.
func TestRestoreSurvivesLeaders(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	g.insist(enqueue("q", 50))
	g.restore(b, OnlineRestore{})
	g.insist(enqueue("q", 1))
	old := g.leader()
	for i, m := range g.members {
		if m == old {
			old.close(t)
			g.insist(enqueue("q", 1))
			g.restart(i)
		}
	}
	g.awaitTimeline(1)
	g.converge()
	fresh := g.add(false, nil)
	g.join(3, true)
	wait(t, fresh.Ready())
	g.awaitTimeline(1)
	g.converge()

	g.restore(b, OnlineRestore{})
	g.awaitTimeline(2)
	g.converge()
}

// TestRestoreRefused: what can't be restored by all changes nothing on any.
func TestRestoreRefused(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	l := g.leader()
	_, follower := g.follower()
	restore := func(m *member, change func(r *OnlineRestore)) error {
		r := OnlineRestore{Path: b.upload(t, m)}
		change(&r)
		_, err := m.Restore(t.Context(), r)
		if _, there := os.Stat(r.Path); there == nil {
			t.Error("the uploaded file is left")
		}
		return err
	}
	wrong := b.hash + 1
	if err := restore(l, func(r *OnlineRestore) { r.Hash = &wrong }); !errors.Is(err, ErrBadBackup) || !errors.Is(err, store.ErrHash) {
		t.Errorf("another state than promised: %v", err)
	}
	if err := restore(l, func(r *OnlineRestore) { flip(t, r.Path) }); !errors.Is(err, ErrBadBackup) || !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a damaged backup: %v", err)
	}
	if err := restore(l, func(r *OnlineRestore) { r.DryRun = true }); err != nil {
		t.Errorf("a dry run: %v", err)
	}
	var other *NotLeaderError
	if err := restore(follower, func(*OnlineRestore) {}); !errors.As(err, &other) {
		t.Errorf("a follower: %v", err)
	}
	g.hushed.Store(true)
	if err := restore(l, func(*OnlineRestore) {}); !errors.Is(err, ErrRefused) {
		t.Errorf("members that can't be reached: %v", err)
	}
	g.hushed.Store(false)
	g.awaitTimeline(0)
	g.converge()
}

// flip changes a bit of a task's payload.
func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte("payload 3"))
	if at < 0 {
		t.Fatal("the payload isn't in the file")
	}
	content[at] ^= 4
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreIsExecutedAgain: a member that ends between the entry and the swap of its file executes the entry when it is back.
// A checkpoint in between must not say that the old state is that behind the entry.
func TestRestoreIsExecutedAgain(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	g.insist(enqueue("q", 50))
	i, m := g.follower()
	images, aside := filepath.Join(m.config.DataDir, "images"), filepath.Join(m.config.DataDir, "aside")
	g.sent = func(to *member) { // it has the file, but can't find it when it executes the entry
		if to == m {
			if err := os.Rename(images, aside); err != nil {
				t.Error(err)
			}
		}
	}
	g.restore(b, OnlineRestore{})
	wait(t, m.done)
	if !errors.Is(m.err, ErrNoImage) {
		t.Fatalf("run: %v", m.err)
	}
	if err := os.Rename(aside, images); err != nil {
		t.Fatal(err)
	}
	g.restart(i)
	g.awaitTimeline(1)
	g.converge()
}

// reigns is a dispatcher that notes when its member begins and ends to lead.
type reigns struct {
	mu   sync.Mutex // guards told
	told []bool
}

func (*reigns) Companions([]task.Command) []Companion { return nil }
func (*reigns) Applied(task.Effects)                  {}

func (r *reigns) Leadership(leads bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, leads)
}

func (r *reigns) all() []bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// TestRestoreRebuildsTheLeader: what the leader keeps besides the state is of the restored state.
func TestRestoreRebuildsTheLeader(t *testing.T) {
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	l := g.leader()
	var d reigns
	l.SetDispatcher(&d)
	session, _ := g.leased()
	if err := l.Sessions().Renew(session); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Restore(t.Context(), OnlineRestore{Path: b.upload(t, l)}); err != nil {
		t.Fatal(err)
	}
	if got := d.all(); !slices.Equal(got, []bool{true, false, true}) {
		t.Errorf("the dispatcher was told %v", got)
	}
	if err := l.Sessions().Renew(session); !errors.Is(err, ErrUnknownSession) {
		t.Errorf("renew a session of before: %v", err)
	}
}
