package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// smallDisk mounts a file system of so many bytes. It skips where that isn't allowed.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("mounting a small tmpfs, to fill it, needs root")
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fillDisk writes a file until nothing fits any more; the returned function removes it.
func fillDisk(t *testing.T, dir string) func() {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	must(t, err)
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return func() { must(t, os.Remove(f.Name())) }
		}
	}
}

// bigCheckpoint is a checkpoint of n bytes of new tasks from the ID on.
func bigCheckpoint(id task.ID, n int) *task.Checkpoint {
	cp := &task.Checkpoint{}
	for ; n > 0; n -= 1000 {
		cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id, Record: []byte("record"), Payload: bytes.Repeat([]byte{byte(n)}, 1000)})
		id++
	}
	return cp
}

// TestNoSpace fills the disk: a commit is refused, nothing is changed, and the same commit succeeds when there is room.
func TestNoSpace(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	s := openTest(t, dir)
	want := fill(t, s, 3)
	reader := viewTest(t, s) // whose pages bbolt must spare all along
	remove := fillDisk(t, dir)
	cp := bigCheckpoint(1000, 20<<20)
	for range 3 {
		if err := s.Commit(cp, Position{Index: 100}); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("commit on a full disk: %v", err)
		}
		must(t, want.compare(s))
	}
	remove()
	must(t, s.Commit(cp, Position{Index: 100}))
	payload, err := s.Payload(1000 + task.ID(len(cp.Tasks)) - 1)
	if err != nil || len(payload) != 1000 {
		t.Errorf("payload: %d bytes, %v", len(payload), err)
	}
	must(t, want.compareLive(reader))
	reader.Close()
	must(t, s.Close())
	s = openTest(t, dir)
	if p := s.Position(); p.Index != 100 {
		t.Errorf("position is %d", p.Index)
	}
	must(t, s.Close())
	_, err = PrepareImage(Dir(dir).State())
	must(t, err)
}

// TestNoSpaceForTheLog does the same to the log.
func TestNoSpaceForTheLog(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	openTest(t, dir)
	l := openLogTest(t, dir)
	must(t, l.StoreLog(&raft.Log{Index: 1, Term: 1, Data: []byte("first")}))
	remove := fillDisk(t, dir)
	var logs []*raft.Log
	for i := range uint64(40) {
		logs = append(logs, &raft.Log{Index: 2 + i, Term: 1, Data: make([]byte, 512<<10)})
	}
	if err := l.StoreLogs(logs); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("write to a full disk: %v", err)
	}
	if last, err := l.LastIndex(); last != 1 || err != nil {
		t.Errorf("last index is %d, %v", last, err)
	}
	if n := l.Bytes(); n > 1000 {
		t.Errorf("%d bytes are counted", n)
	}
	remove()
	must(t, l.StoreLogs(logs))
	var log raft.Log
	must(t, l.GetLog(41, &log))
}

// TestNoSpaceToOpen opens a store on a full disk.
func TestNoSpaceToOpen(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	fillDisk(t, dir)
	if _, err := Open(testOptions(dir)); !errors.Is(err, ErrNoSpace) {
		t.Errorf("open: %v", err)
	}
	if err := SaveIdentity(dir, Identity{NodeID: "a", Incarnation: "b"}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("save identity: %v", err)
	}
}

// TestNoSpaceErrors tells which errors mean a full disk, and which a failed fsync.
func TestNoSpaceErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		full bool
	}{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}, true},
		{fmt.Errorf("wrapped: %w", &fs.PathError{Op: "truncate", Path: "x", Err: syscall.ENOSPC}), true},
		{errors.New("file resize error: truncate x: no space left on device"), true},
		{errors.New("file resize error: truncate x: input/output error"), false},
		{errors.New("file sync error: sync x: no space left on device"), false},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EIO}, false},
		{&fs.PathError{Op: "sync", Path: "x", Err: syscall.ENOSPC}, false},
		{syscall.ENOSPC, false}, // a bare one is fdatasync's
		{nil, false},
	} {
		got := noSpace(c.err)
		if errors.Is(got, ErrNoSpace) != c.full {
			t.Errorf("%v becomes %v", c.err, got)
		}
		if c.err != nil && !errors.Is(got, c.err) {
			t.Errorf("%v is lost in %v", c.err, got)
		}
	}
}
