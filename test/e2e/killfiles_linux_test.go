package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/test/process"
)

// TestKilledLogArchive kills 'backup log': what is at the destination restores whenever that is, and the next run goes on there.
func TestKilledLogArchive(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	dest := t.TempDir()
	must(t, n, "backup", "save", "--to", dest)
	enqueued, archived := 0, 0
	k := killCase{trials: 3}
	k.args = func(t *testing.T) []string {
		enqueueMany(t, c, "q", 100)
		enqueued += 100
		return []string{"backup", "log", "--to", dest}
	}
	k.after = func(t *testing.T, args []string) {
		got := dryRun(t, dest).LiveTasks
		if got != archived && got != enqueued {
			t.Errorf("%d tasks are restored, want %d or %d", got, archived, enqueued)
		}
		if got == enqueued { // a killed one leaves a part only now and then: the next one finds what this one left
			archived = enqueued
		}
	}
	k.run(t, n.API)
	mustAgain(t, n.API, "backup", "log", "--to", dest)
	archived = -1
	k.after(t, nil)
}

// TestKilledPrune kills 'backup prune': what it keeps is whole, and the next run removes the rest.
func TestKilledPrune(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	template := t.TempDir()
	for range 3 {
		enqueueMany(t, c, "q", 10)
		must(t, n, "backup", "save", "--to", template)
		must(t, n, "backup", "verify", "--from", template)
		enqueueMany(t, c, "q", 10)
		must(t, n, "backup", "log", "--to", template)
	}
	newest := dryRun(t, template)
	var kept string
	k := killCase{trials: 3}
	k.args = func(t *testing.T) []string {
		dest := filepath.Join(t.TempDir(), "backups")
		if err := os.CopyFS(dest, os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
		return []string{"backup", "prune", "--from", dest, "--keep-last", "1", "--yes"}
	}
	k.after = func(t *testing.T, args []string) {
		dest := args[3]
		if got := dryRun(t, dest); got != newest {
			t.Errorf("%+v is restored, want %+v", got, newest)
		}
		mustAgain(t, n.API, args...)
		var files []string
		for _, kind := range []string{"full", "log", "verified"} {
			files = append(files, names(t, filepath.Join(dest, names(t, dest)[0], kind))...)
		}
		if list := strings.Join(files, " "); kept == "" {
			kept = list
		} else if list != kept {
			t.Errorf("these are left: %s, want %s", list, kept)
		}
	}
	k.run(t, n.API)
	if strings.Count(kept, " ") != 2 {
		t.Errorf("these are left: %s, want a full backup, its mark and the log behind it", kept)
	}
}

// TestKilledVacuum kills the vacuum of a stopped member: its files are sound, the next one ends, and the member serves.
func TestKilledVacuum(t *testing.T) {
	const tasks = 3000
	template := t.TempDir()
	n := serve(t, template, nil)
	enqueueMany(t, connect(t, n), "q", tasks)
	stop(t, n.Process)
	k := killCase{trials: 3}
	last := ""
	k.args = func(t *testing.T) []string {
		last = copyDirectory(t, template)
		return []string{"vacuum", "--data-dir", last}
	}
	k.after = func(t *testing.T, args []string) {
		mustAgain(t, "", "check", "--data-dir", last)
		mustAgain(t, "", args...)
		if left := names(t, filepath.Join(last, "incoming")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	k.run(t, "")
	n = serve(t, last, nil)
	if s, err := statusOf(t, n); err != nil || s.LiveTasks != tasks {
		t.Errorf("status %+v, %v", s, err)
	}
	stop(t, n.Process)
}

// TestKilledRebuild kills 'cluster rebuild': no server starts from the half, and the next run goes on, with the old files in one
// place.
func TestKilledRebuild(t *testing.T) {
	n := serve(t, t.TempDir(), nil, "--max-voters", "1")
	template := t.TempDir()
	args := []string{"server", "--node-id", "b", "--join", n.API, "--max-voters", "1", "--data-dir"}
	b, err := process.StartNode(limited(t), binary, nil, append(args, template)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, b.Process) })
	stop(t, b.Process)
	before, _, err := store.LoadIdentity(template)
	if err != nil {
		t.Fatal(err)
	}
	k := killCase{trials: 6}
	last := ""
	k.args = func(t *testing.T) []string {
		last = copyDirectory(t, template)
		return []string{"cluster", "rebuild", "--yes", "--data-dir", last}
	}
	k.after = func(t *testing.T, args []string) {
		if _, err := os.Stat(filepath.Join(last, "diverged")); err == nil {
			code, _, stderr := again(t, "", []string{"server", "--data-dir", last, "--join", n.API, "--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"})
			if code == 0 || !strings.Contains(stderr, "repeat 'rowlock cluster rebuild'") {
				t.Errorf("a server started from the half: exit code %d: %s", code, stderr)
			}
		}
		if code, _, stderr := again(t, n.API, args); code != 0 && (code != 4 || !strings.Contains(stderr, "is rebuilt already")) {
			t.Errorf("once more: exit code %d: %s", code, stderr)
		}
		after, ok, err := store.LoadIdentity(last)
		if err != nil || !ok || after.NodeID != "b" || after.ClusterID != before.ClusterID || after.Incarnation == before.Incarnation {
			t.Errorf("the identity is %+v, %v", after, err)
		}
		aside, err := filepath.Glob(filepath.Join(last, "aside-*"))
		if err != nil || len(aside) != 1 {
			t.Fatalf("set aside in %q, %v", aside, err)
		}
		if list := names(t, aside[0]); strings.Join(list, " ") != "identity.json raft.db state.db" {
			t.Errorf("set aside are %q", list)
		}
		if old, _, err := store.LoadIdentity(aside[0]); err != nil || old != before {
			t.Errorf("the identity that was set aside is %+v, %v", old, err)
		}
		for _, name := range names(t, last) {
			if strings.Contains("state.db raft.db diverged", name) || strings.HasSuffix(name, ".new") {
				t.Errorf("%s is there still", name)
			}
		}
	}
	k.run(t, n.API)
	if b, err = process.StartNode(limited(t), binary, b, append(args, last)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, b.Process) })
	var members []member
	if err := json.Unmarshal([]byte(must(t, n, "cluster", "members", "-o", "json")), &members); err != nil || len(members) != 2 {
		t.Errorf("members %+v, %v", members, err)
	}
}
