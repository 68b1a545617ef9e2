package raftfsm

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// offline restores a backup into new data directories for so many members.
func offline(t *testing.T, b backup, n int) *OfflineRestore {
	t.Helper()
	r := &OfflineRestore{
		Hash: &b.hash, Why: "a test", Logger: testLogger(t), Now: time.Now, Confirm: func(RestoreSummary) error { return nil },
		Fetch: func(to *os.File) error {
			from, err := os.Open(b.path)
			if err != nil {
				return err
			}
			defer from.Close()
			_, err = io.Copy(to, from)
			return err
		},
	}
	base := t.TempDir()
	for i := range n {
		name := string(rune('a' + i))
		r.Members = append(r.Members, OfflineMember{NodeID: name, Address: freeAddr(t), Dir: filepath.Join(base, name)})
	}
	return r
}

// startRestored starts the members of a restored group.
func startRestored(t *testing.T, r *OfflineRestore) *group {
	t.Helper()
	g := &group{t: t}
	for _, o := range r.Members {
		c := testConfig(t, o.Dir)
		c.NodeID, c.RaftAddr, c.Bootstrap, c.ClusterID = o.NodeID, o.Address, false, ""
		if len(r.Members) > 1 {
			steadily(&c.Raft)
		}
		g.configs = append(g.configs, c)
		m := start(t, c)
		g.mu.Lock()
		g.members = append(g.members, m)
		g.mu.Unlock()
		m.SetDiscoverer(g)
	}
	for _, m := range g.members {
		wait(t, m.Ready())
	}
	return g
}

// aBackup is one of a group that has gone since.
func aBackup(t *testing.T) (backup, task.Leased) {
	t.Helper()
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 20))
	_, lease := g.leased()
	b := save(t, g.leader())
	g.members[0].close(t)
	return b, lease
}

// TestRestoreOffline makes groups of a backup, of one and of three members.
func TestRestoreOffline(t *testing.T) {
	b, lease := aBackup(t)
	clusters := map[string]bool{"test": true}
	for _, n := range []int{1, 3} {
		r := offline(t, b, n)
		done, err := r.Run()
		if err != nil {
			t.Fatal(err)
		}
		if clusters[done.ClusterID] || done.Timeline.ID != 1 || done.LiveTasks != b.live {
			t.Errorf("restored %+v", done)
		}
		clusters[done.ClusterID] = true
		g := startRestored(t, r)
		g.awaitTimeline(1)
		g.converge()
		if got := g.leader().Status(); got.ClusterID != done.ClusterID || len(got.Members) != n {
			t.Errorf("status %+v", got)
		}
		if r := g.insist(&task.Finish{Outcomes: []task.Outcome{{ID: lease.ID, Token: lease.Token}}}); r.Items[0].Code != task.StaleToken {
			t.Errorf("an outcome of before: %+v", r)
		}
		if is, _ := g.suspended(g.leader()); !is {
			t.Error("it isn't suspended")
		}
		g.insist(&task.ResumeCluster{})
		g.insist(enqueue("q", 1))
		if _, l := g.leased(); l.Token <= lease.Token {
			t.Errorf("token %d was given out before", l.Token)
		}
		if _, err := r.Run(); !errors.Is(err, store.ErrLocked) {
			t.Errorf("restore into a running member: %v", err)
		}
		for i := range g.members {
			g.members[i].close(t)
		}
		if _, err := r.Run(); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("restore into what was used: %v", err)
		}
	}
}

// TestRestoreOfflineUnfinished: no member starts from a directory into which a restore was begun, and the same restore ends it.
func TestRestoreOfflineUnfinished(t *testing.T) {
	b, _ := aBackup(t)
	r := offline(t, b, 3)
	if _, err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(); !errors.Is(err, store.ErrNotEmpty) {
		t.Fatalf("restore into what has been restored: %v", err)
	}
	id, _, err := store.LoadIdentity(r.Members[0].Dir)
	if err != nil {
		t.Fatal(err)
	}
	// As if the process had died when one directory was complete, one marked, and one not begun.
	mark := filepath.Join(r.Members[1].Dir, "restoring")
	if err := os.WriteFile(mark, []byte(`{"cluster_id":"`+id.ClusterID+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.Members[2].Dir); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t, r.Members[1].Dir)
	c.NodeID, c.Bootstrap, c.ClusterID = r.Members[1].NodeID, false, ""
	if _, err := Open(c); !errors.Is(err, ErrUnfinished) {
		t.Fatalf("a member starts from an unfinished restore: %v", err)
	}
	if err := Recover(r.Members[1].Dir, "", testLogger(t), func(Recovery) error { return nil }); !errors.Is(err, ErrUnfinished) {
		t.Errorf("recover from an unfinished restore: %v", err)
	}
	if _, err := r.Run(); err != nil {
		t.Fatalf("run again: %v", err)
	}
	g := startRestored(t, r)
	g.awaitTimeline(1)
	g.converge()
}

// TestRestoreOfflineRefused changes nothing.
func TestRestoreOfflineRefused(t *testing.T) {
	b, _ := aBackup(t)
	no := errors.New("no")
	for name, x := range map[string]struct {
		change func(r *OfflineRestore)
		want   error
	}{
		"not confirmed": {func(r *OfflineRestore) { r.Confirm = func(RestoreSummary) error { return no } }, no},
		"another state": {func(r *OfflineRestore) { *r.Hash ^= 1 }, store.ErrHash},
		"broken off": {func(r *OfflineRestore) {
			fetch := r.Fetch
			r.Fetch = func(to *os.File) error { return errors.Join(fetch(to), no) }
		}, no},
		"cut short": {func(r *OfflineRestore) {
			fetch := r.Fetch
			r.Fetch = func(to *os.File) error { return errors.Join(fetch(to), to.Truncate(64<<10)) }
		}, store.ErrCorrupt},
		"no members": {func(r *OfflineRestore) { r.Members = nil }, ErrRefused},
		"a file of another": {func(r *OfflineRestore) {
			if err := os.MkdirAll(r.Members[0].Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(r.Members[0].Dir, "mine"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, store.ErrNotEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			hash := b.hash
			r := offline(t, backup{b.path, b.hash, b.live}, 2)
			r.Hash = &hash
			x.change(r)
			if _, err := r.Run(); !errors.Is(err, x.want) {
				t.Fatalf("run: %v", err)
			}
			for _, m := range r.Members {
				if _, err := os.Stat(filepath.Join(m.Dir, "state.db")); err == nil {
					t.Errorf("%s has a state", m.Dir)
				}
				if entries, _ := os.ReadDir(filepath.Join(m.Dir, "incoming")); len(entries) > 0 {
					t.Errorf("%s is left", entries[0].Name())
				}
			}
		})
	}
}

// TestNoCheckpointBeforeTheSwap: a member that has executed the entry of a restore, and hasn't swapped its file yet, is still
// before the entry.
func TestNoCheckpointBeforeTheSwap(t *testing.T) {
	m := task.NewMachine()
	entry := func(c task.Command) []byte {
		return task.AppendCommand(task.AppendHeader(nil, task.Header{Time: 1}), c)
	}
	r := newReplica(m, store.Position{Index: 7, Term: 1}, &checksums{}, 0)
	if _, err := r.apply(&raft.Log{Index: 8, Term: 1, Data: entry(&task.Tick{})}, false); err != nil {
		t.Fatal(err)
	}
	out, err := r.apply(&raft.Log{Index: 9, Term: 1, Data: entry(&task.InstallImage{Timeline: 1, Term: 1})}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.at().Index; got != 8 || out.effects.Image.Timeline != 1 {
		t.Errorf("the state is said to be that behind entry %d, and the image %+v", got, out.effects.Image)
	}
}
