package e2e

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// TestFullDiskOfCommands gives each command that writes a full disk to write to: it fails, names the place and leaves nothing; with
// room, the same command succeeds.
func TestFullDiskOfCommands(t *testing.T) {
	small, remount := tmpfs(t, 4)
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	tiny, whole := t.TempDir(), t.TempDir()
	fillState(t, c, 2)
	must(t, n, "backup", "save", "--to", tiny)
	fillState(t, c, 46) // 6 MiB
	must(t, n, "backup", "save", "--to", whole)
	inside := func(name string) string { return filepath.Join(small, name) }
	for name, args := range map[string][]string{
		"backup save":           {"backup", "save", "--to", inside("save")},
		"backup save to a file": {"backup", "save", "--to", inside("save.rowlock")},
		"backup log":            {"backup", "log", "--to", inside("tiny")},
		"backup verify":         {"backup", "verify", "--from", whole, "--temp-dir", small},
		"backup drill":          {"backup", "drill", "--temp-dir", small},
		"backup extract":        {"backup", "extract", "--from", whole, "--to", inside("extract.jsonl")},
		"backup extract, copy":  {"backup", "extract", "--from", whole, "--temp-dir", small},
		"restore, dry run":      {"backup", "restore", "--from", whole, "--dry-run", "--temp-dir", small},
		"restore, staged":       {"backup", "restore", "--from", whole, "--yes", "--temp-dir", small, "--data-dir", filepath.Join(t.TempDir(), "data")},
		"task export":           {"task", "export", "--to", inside("export.jsonl")},
		"backup keygen":         {"backup", "keygen", "--dir", small},
	} {
		t.Run(name, func(t *testing.T) {
			remount(4)
			if name == "backup log" {
				if err := os.CopyFS(inside("tiny"), os.DirFS(tiny)); err != nil {
					t.Fatal(err)
				}
			}
			if name == "backup keygen" { // whose files are small
				fill(t, inside("ballast"))
			}
			before := filesBelow(t, small)
			code, _, stderr := rowlock(t, n, args...)
			if code == 0 || !strings.Contains(stderr, "no space left") || !strings.Contains(stderr, small) {
				t.Errorf("on a full disk: exit code %d: %s", code, stderr)
			}
			if after := filesBelow(t, small); !slices.Equal(after, before) {
				t.Errorf("there are %q, and were %q", after, before)
			}
			if err := os.RemoveAll(inside("ballast")); err != nil {
				t.Fatal(err)
			}
			remount(256)
			must(t, n, args...)
			for _, left := range names(t, small) {
				if err := os.RemoveAll(inside(left)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// filesBelow are the paths of all files below a directory.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// fill writes a file until nothing fits beside it.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// TestFullDiskOfRebuild sets a member's files aside on a full disk: it takes the room of two small files. What it can't end it
// says, and ends with room.
func TestFullDiskOfRebuild(t *testing.T) {
	small, remount := tmpfs(t, 48)
	n := serve(t, t.TempDir(), nil, "--max-voters", "1")
	dir := filepath.Join(small, "data")
	args := []string{"server", "--node-id", "b", "--join", n.API, "--max-voters", "1", "--min-free", "1MiB", "--data-dir", dir}
	b, err := process.StartNode(limited(t), binary, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, b.Process) })
	stop(t, b.Process)
	fill(t, filepath.Join(small, "ballast"))
	rebuild := []string{"cluster", "rebuild", "--yes", "--data-dir", dir}
	if code, _, stderr := rowlock(t, n, rebuild...); code == 0 || !strings.Contains(stderr, "no space left") {
		t.Errorf("on a full disk: exit code %d: %s", code, stderr)
	}
	remount(256)
	must(t, n, rebuild...)
	if _, err := os.Stat(filepath.Join(dir, "diverged")); err == nil {
		t.Error("it is marked still")
	}
}

// TestFullDiskOfStopped checks, repairs and vacuums a stopped member on a full disk: its files stay as they were.
func TestFullDiskOfStopped(t *testing.T) {
	small, remount := tmpfs(t, 64)
	dir := filepath.Join(small, "data")
	n := serve(t, dir, nil, "--min-free", "1MiB")
	fillState(t, connect(t, n), 24) // 3 MiB
	stop(t, n.Process)
	fill(t, filepath.Join(small, "ballast"))
	before, err := os.ReadFile(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vacuum", "--data-dir", dir}, {"check", "--repair", "--yes", "--data-dir", dir}} {
		if code, _, stderr := rowlock(t, n, args...); code == 0 || !strings.Contains(stderr, "no space left") || !strings.Contains(stderr, small) {
			t.Errorf("rowlock %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
		}
		if after, err := os.ReadFile(filepath.Join(dir, "state.db")); err != nil || !bytes.Equal(after, before) {
			t.Errorf("rowlock %s has changed the state: %v", strings.Join(args, " "), err)
		}
	}
	remount(256)
	must(t, n, "vacuum", "--data-dir", dir)
	must(t, n, "check", "--data-dir", dir)
	must(t, n, "check", "--repair", "--yes", "--data-dir", dir)
}

// TestFullDiskOfImport imports a file into a server whose disk becomes full: with room, the same command brings the rest.
func TestFullDiskOfImport(t *testing.T) {
	const tasks = 80
	from := serve(t, t.TempDir(), nil)
	fillState(t, connect(t, from), tasks) // 10 MiB, which a server keeps twice
	file := filepath.Join(t.TempDir(), "tasks.jsonl")
	must(t, from, "task", "export", "--to", file)
	dir, remount := tmpfs(t, 40)
	n := serve(t, dir, nil, "--min-free", "31MiB")
	code, _, stderr := rowlock(t, n, "backup", "import", file)
	if code != 4 || !strings.Contains(stderr, "space") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	remount(512)
	eventually(t, "there is room", func(context.Context) (bool, error) {
		code, _, stderr := rowlock(t, n, "backup", "import", file)
		return code == 0, errors.New(stderr)
	})
	if s, err := statusOf(t, n); err != nil || s.LiveTasks != tasks {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestFullDiskOfArchive fills the disk to which a server archives its log: the server goes on, and archives all of it when there is
// room.
func TestFullDiskOfArchive(t *testing.T) {
	dest, remount := tmpfs(t, 4)
	n := serve(t, t.TempDir(), nil, "--archive-to", dest, "--archive-every", "100ms")
	c := connect(t, n)
	fillState(t, c, 48) // 6 MiB
	enqueueMany(t, c, "q", 100)
	eventually(t, "the archive can't be written", func(context.Context) (bool, error) {
		return strings.Contains(n.Stderr.String(), "no space left"), nil
	})
	enqueueMany(t, c, "q", 100)
	if left, err := filepath.Glob(filepath.Join(dest, "*", "*", ".unfinished-*")); err != nil || len(left) > 1 { // one that is being tried now
		t.Errorf("left behind: %q, %v", left, err)
	}
	remount(256)
	index := appliedIndex(t, n)
	restored := restoreWhenArchived(t, dest, "--to-index", index)
	if s, err := statusOf(t, restored); err != nil || s.LiveTasks != 248 {
		t.Errorf("status %+v, %v", s, err)
	}
}
