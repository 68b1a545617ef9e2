package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// livePayloads are the live tasks of a directory with the checksums of their payloads.
func livePayloads(t *testing.T, dir string) map[task.ID]uint32 {
	t.Helper()
	s, err := Open(testOptions(dir))
	must(t, err)
	defer s.Close()
	m, _, err := s.Load()
	must(t, err)
	v, err := s.View()
	must(t, err)
	defer v.Close()
	out := map[task.ID]uint32{}
	live, _ := m.List(task.ListFilter{Limit: 10_000, Scan: 10_000})
	for _, x := range live {
		payload, err := v.Payload(x.ID)
		must(t, err)
		out[x.ID] = checksum(nil, payload)
	}
	return out
}

// copyFiles makes a directory of a member's files.
func copyFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

func memberFiles(t *testing.T) map[string][]byte {
	t.Helper()
	dir := memberDir(t)
	files := map[string][]byte{}
	for _, name := range []string{"state.db", "raft.db", "identity.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		files[name] = data
	}
	return files
}

// TestRepair flips some bits of a member's files at a time. What a repair makes of them is sound and reads without an error; no
// task comes back with another payload; and a repair that can't has changed nothing.
func TestRepair(t *testing.T) {
	files := memberFiles(t)
	want := livePayloads(t, copyFiles(t, files))
	random := rand.New(rand.NewPCG(3, 4))
	repaired, beyond, lost := 0, 0, 0
	for round := range 30 {
		damaged := map[string][]byte{}
		for name, data := range files {
			damaged[name] = bytes.Clone(data)
		}
		for range 1 + random.IntN(20) {
			name := []string{"state.db", "state.db", "raft.db"}[random.IntN(3)]
			damaged[name][random.IntN(len(damaged[name]))] ^= 1 << random.IntN(8)
		}
		dir := copyFiles(t, damaged)
		r, err := Repair(t.Context(), testOptions(dir))
		if errors.Is(err, ErrBeyondRepair) {
			beyond++
			for name, data := range damaged {
				if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(now, data) {
					t.Errorf("round %d: a repair that gave up has changed %s: %v", round, name, err)
				}
			}
			continue
		}
		must(t, err)
		repaired++
		if _, marked, err := Divergence(dir); err != nil || !marked {
			t.Errorf("round %d: a repaired state isn't marked: %v", round, err)
		}
		must(t, ClearDiverged(dir))
		check, err := CheckDir(t.Context(), dir, CheckOptions{})
		must(t, err)
		if !check.Sound() {
			t.Fatalf("round %d: %v", round, check.Findings)
		}
		if _, err := readDir(dir); err != nil && !r.LogLost {
			t.Fatalf("round %d: %v", round, err)
		}
		got := livePayloads(t, dir)
		for id, sum := range got {
			if want[id] != sum {
				t.Errorf("round %d: task %v has another payload", round, id)
			}
		}
		if n := len(want) - len(got); n > 0 {
			lost++
			if len(r.Tasks) == 0 && len(r.Notes) == 0 {
				t.Errorf("round %d: %d tasks are lost, and the report is silent", round, n)
			}
		}
	}
	t.Logf("%d repaired, %d of them with lost tasks, %d beyond repair", repaired, lost, beyond)
	if repaired < 10 || lost == 0 {
		t.Errorf("%d repaired, %d of them with lost tasks", repaired, lost)
	}
}

// TestRepairLoses damages known places: what is lost is named, in the quarantine with its bytes, and the rest is there.
func TestRepairLoses(t *testing.T) {
	files := memberFiles(t)
	want := livePayloads(t, copyFiles(t, files))
	dir := copyFiles(t, files)
	payload := bytes.Repeat([]byte{20}, 20*20*9) // of the tasks number 20 of each round
	worse := bytes.Clone(payload)
	worse[1000] ^= 8
	data := bytes.ReplaceAll(files["state.db"], payload, worse)
	must(t, os.WriteFile(Dir(dir).State(), data, 0o600))
	r, err := Repair(t.Context(), testOptions(dir))
	must(t, err)
	must(t, ClearDiverged(dir))
	got := livePayloads(t, dir)
	for id, sum := range want {
		if now, ok := got[id]; ok == slices.Contains(r.Tasks, id) || ok && now != sum {
			t.Errorf("task %v: %v, and lost are %v", id, ok, r.Tasks)
		}
	}
	kept, err := os.ReadFile(filepath.Join(r.Quarantine, "state.db"))
	if err != nil || !bytes.Equal(kept, data) {
		t.Errorf("the damaged file isn't kept: %v", err)
	}
	var report RepairReport
	text, err := os.ReadFile(filepath.Join(r.Quarantine, "report.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &report))
	if len(report.Tasks) != len(r.Tasks) || report.Records == 0 || len(r.Tasks) == 0 {
		t.Fatalf("report: %s", text)
	}
	if records, err := os.ReadFile(filepath.Join(r.Quarantine, "records.jsonl")); err != nil || bytes.Count(records, []byte("\n")) != r.Records {
		t.Errorf("records: %d bytes, %v", len(records), err)
	}
}

// TestRepairNothing repairs sound files: all of it is there.
func TestRepairNothing(t *testing.T) {
	dir := copyFiles(t, memberFiles(t))
	before, err := readDir(dir)
	must(t, err)
	r, err := Repair(t.Context(), testOptions(dir))
	if err != nil || r.Records != 0 || len(r.Notes) > 0 || r.LogLost {
		t.Fatalf("%+v, %v", r, err)
	}
	must(t, ClearDiverged(dir))
	after, err := readDir(dir)
	if err != nil || after != before {
		t.Errorf("the state has changed: %v", err)
	}
	s := openTest(t, dir)
	if _, err := Repair(t.Context(), testOptions(dir)); !errors.Is(err, ErrLocked) {
		t.Errorf("while a member has the directory: %v", err)
	}
	must(t, s.Commit(&task.Checkpoint{}, s.Position()))
}

// TestRepairKilled kills a repair with -9 at some moment: the files are the old ones, or the new ones and marked; and the next
// repair makes a sound state of either.
func TestRepairKilled(t *testing.T) {
	files := memberFiles(t)
	files["state.db"] = bytes.ReplaceAll(files["state.db"], bytes.Repeat([]byte{20}, 3000), bytes.Repeat([]byte{21}, 3000))
	random := rand.New(rand.NewPCG(5, 6))
	replaced := 0
	for range 12 {
		dir := copyFiles(t, files)
		c := startChild(t, "repair", dir)
		c.cmd.Stderr = nil
		c.line(t)
		<-time.After(time.Duration(random.IntN(60)) * time.Millisecond)
		c.kill(t)
		state, err := os.ReadFile(Dir(dir).State())
		must(t, err)
		_, marked, err := Divergence(dir)
		must(t, err)
		if !bytes.Equal(state, files["state.db"]) {
			replaced++
			if !marked {
				t.Fatal("the repaired state isn't marked")
			}
		}
		_, err = Repair(t.Context(), testOptions(dir))
		must(t, err)
		must(t, ClearDiverged(dir))
		if check, err := CheckDir(t.Context(), dir, CheckOptions{}); err != nil || !check.Sound() {
			t.Fatalf("%+v, %v", check, err)
		}
	}
	t.Logf("%d were replaced", replaced)
}
