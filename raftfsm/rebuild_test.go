package raftfsm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rowlock/rowlock/store"
)

// TestRebuild sets the files of a damaged member aside: what is left is an empty member of the same name and cluster, and of
// another incarnation. Where the group says no, nothing is changed.
func TestRebuild(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	propose(t, m.Node, enqueue("mail", 10))
	old := m.Status()
	if _, err := Rebuild(c.DataDir, "", old.ClusterID, func(Rebuilding) error { return nil }); !errors.Is(err, store.ErrLocked) {
		t.Errorf("while it runs: %v", err)
	}
	m.close(t)
	state, err := os.ReadFile(store.Dir(c.DataDir).State())
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no majority")
	if _, err := Rebuild(c.DataDir, "", old.ClusterID, func(Rebuilding) error { return no }); !errors.Is(err, no) {
		t.Errorf("refused by the group: %v", err)
	}
	if _, err := Rebuild(c.DataDir, "", "another", func(Rebuilding) error { return nil }); !errors.Is(err, ErrOtherNode) {
		t.Errorf("of another cluster: %v", err)
	}
	if now, err := os.ReadFile(store.Dir(c.DataDir).State()); err != nil || !bytes.Equal(now, state) {
		t.Fatalf("what was refused has changed the state: %v", err)
	}
	r, err := Rebuild(c.DataDir, "", old.ClusterID, func(r Rebuilding) error {
		if r.NodeID != "n1" || r.OldServerID != old.ServerID {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(filepath.Join(r.Aside, "state.db")); err != nil || !bytes.Equal(now, state) {
		t.Errorf("the old state isn't aside: %v", err)
	}
	id, ok, err := store.LoadIdentity(c.DataDir)
	if err != nil || !ok || id.NodeID != "n1" || id.ClusterID != old.ClusterID || string(serverID(id)) == old.ServerID {
		t.Errorf("identity: %+v, %v", id, err)
	}
	if _, marked, err := store.Divergence(c.DataDir); marked || err != nil {
		t.Errorf("it is marked: %v", err)
	}
	if err := os.WriteFile(store.Dir(c.DataDir).Identity(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Rebuild(c.DataDir, "", "c", func(Rebuilding) error { return nil }); !errors.Is(err, ErrRefused) {
		t.Errorf("without an identity: %v", err)
	}
	if r, err := Rebuild(c.DataDir, "n7", "c", func(Rebuilding) error { return nil }); err != nil || r.NodeID != "n7" {
		t.Errorf("with the name given: %+v, %v", r, err)
	}
}

// TestRepairedServes damages a member's state and identity, repairs it, and starts it: it is alone in a new cluster and has the
// tasks that could be read.
func TestRepairedServes(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	propose(t, m.Node, enqueue("mail", 200))
	old := m.Status()
	m.close(t)
	path := store.Dir(c.DataDir).State()
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(state, []byte("payload 77"), []byte("payload 7x")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Dir(c.DataDir).Identity(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := Open(c); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("a damaged identity is served with: %v, %v", n, err)
	}
	if _, _, err := Repair(t.Context(), c.DataDir, "", old.Address, c.Logger); !errors.Is(err, ErrRefused) {
		t.Errorf("without a node ID: %v", err)
	}
	report, r, err := Repair(t.Context(), c.DataDir, "n1", old.Address, c.Logger)
	if err != nil || len(report.Tasks) != 1 || report.LiveTasks != 199 || r.NewClusterID == old.ClusterID {
		t.Fatalf("%+v, %+v, %v", report, r, err)
	}
	c.Bootstrap = false
	m = startReady(t, c)
	eventually(t, "it leads", func() bool { return m.Serving() })
	if st := m.Status(); st.ClusterID != r.NewClusterID || m.liveTasks() != 199 {
		t.Errorf("%+v", st)
	}
	propose(t, m.Node, enqueue("mail", 1))
	if r, err := m.Check(t.Context(), func(string) {}); err != nil || !r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}
