package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSetAsideAgain sets files aside again after a crash behind each step: all are in one place in the end, and the directory says
// at each moment who its member is.
func TestSetAsideAgain(t *testing.T) {
	old := Identity{NodeID: "a", Incarnation: "1", ClusterID: "c"}
	fresh := Identity{NodeID: "a", Incarnation: "2", ClusterID: "c"}
	now := time.Date(2026, 5, 4, 10, 15, 0, 0, time.UTC)
	const name = "aside-20260504T101500.000Z"
	steps := []func(d Dir){
		func(d Dir) { must(t, os.Mkdir(filepath.Join(string(d), name), 0o700)) },
		func(d Dir) {
			must(t, MarkDiverged(string(d), "its files were being set aside in "+name+" when the process died: repeat 'rowlock cluster rebuild'"))
		},
		func(d Dir) { must(t, copyDurably(d.Identity(), filepath.Join(string(d), name, "identity.json"))) },
		func(d Dir) { must(t, os.Rename(d.State(), filepath.Join(string(d), name, "state.db"))) },
		func(d Dir) { must(t, os.Rename(d.Log(), filepath.Join(string(d), name, "raft.db"))) },
		func(d Dir) { must(t, SaveIdentity(string(d), fresh)) },
	}
	for crash := range len(steps) + 1 {
		d := Dir(t.TempDir())
		must(t, SaveIdentity(string(d), old))
		must(t, os.WriteFile(d.State(), []byte("state"), 0o600))
		must(t, os.WriteFile(d.Log(), []byte("log"), 0o600))
		for _, step := range steps[:crash] {
			step(d)
		}
		begun, err := SettingAside(string(d))
		if err != nil || begun != (crash > 1) {
			t.Errorf("after step %d: begun %t, %v", crash, begun, err)
		}
		if id, ok, err := LoadIdentity(string(d)); err != nil || !ok || id.NodeID != "a" {
			t.Errorf("after step %d: identity %+v, %v", crash, id, err)
		}
		aside, err := SetAside(string(d), fresh, now.Add(time.Minute))
		must(t, err)
		all, err := filepath.Glob(filepath.Join(string(d), "aside-*"))
		if err != nil || len(all) != 1 || all[0] != aside {
			t.Errorf("after step %d: set aside in %q, told %q, %v", crash, all, aside, err)
		}
		for name, want := range map[string]string{"state.db": "state", "raft.db": "log"} {
			if got, err := os.ReadFile(filepath.Join(aside, name)); string(got) != want || err != nil {
				t.Errorf("after step %d: %s is %q, %v", crash, name, got, err)
			}
		}
		if id, _, err := LoadIdentity(aside); err != nil || id != old {
			t.Errorf("after step %d: the identity that was set aside is %+v, %v", crash, id, err)
		}
		if id, _, err := LoadIdentity(string(d)); err != nil || id != fresh {
			t.Errorf("after step %d: the new identity is %+v, %v", crash, id, err)
		}
		if _, marked, err := Divergence(string(d)); marked || err != nil {
			t.Errorf("after step %d: it is marked still, %v", crash, err)
		}
	}
}
