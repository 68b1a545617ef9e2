package bucket

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDirectoryFull fills the disk: Put is refused, leaves nothing, and what is there stays.
func TestDirectoryFull(t *testing.T) {
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1048576")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("mounting a small tmpfs, to fill it, needs root")
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	b := open(t, dir)
	_, err = b.Put(t.Context(), "c/full/1", bytes.NewReader(noise(600_000)))
	must(t, err)
	for _, name := range []string{"c/full/2", "c/full/1"} {
		if _, err := b.Put(t.Context(), name, bytes.NewReader(noise(700_000))); !errors.Is(err, ErrNoSpace) {
			t.Errorf("put %s: %v", name, err)
		}
	}
	if got := readAll(t, b, "c/full/1"); !bytes.Equal(got, noise(600_000)) {
		t.Error("what was there has changed")
	}
	files, err := os.ReadDir(filepath.Join(dir, "c", "full"))
	must(t, err)
	if len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

// TestUnfinished: what a process that was killed left isn't seen, and goes after a day.
func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	put := func(name string) {
		t.Helper()
		_, err := b.Put(t.Context(), name, strings.NewReader("x"))
		must(t, err)
	}
	put("c/1")
	old, young := filepath.Join(dir, "c", unfinished+"1"), filepath.Join(dir, "c", unfinished+"2")
	for _, path := range []string{old, young} {
		must(t, os.WriteFile(path, []byte("half"), 0o600))
	}
	past := time.Now().Add(-2 * staleAfter)
	must(t, os.Chtimes(old, past, past))
	if list, err := b.List(t.Context(), ""); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	put("c/2")
	if _, err := os.Stat(old); err == nil {
		t.Error("the old one is still there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(dir, "c", "1"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}
