package scratch

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestNew removes what a dead process left, and leaves alone what is held or isn't a scratch directory.
func TestNew(t *testing.T) {
	parent := t.TempDir()
	dead, other, file := filepath.Join(parent, begins+"verify-1"), filepath.Join(parent, "rowlock-other"), filepath.Join(parent, begins+"file")
	elsewhere := t.TempDir()
	link := filepath.Join(parent, begins+"link")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dead, "deep"), 0o700), os.Mkdir(other, 0o700), os.WriteFile(file, nil, 0o600), os.Symlink(elsewhere, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	held, err := New(parent, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); err == nil {
		t.Error("the dead process' directory is there still")
	}
	if err := os.WriteFile(filepath.Join(held.Path(), "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := New(parent, "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, file, link, elsewhere, filepath.Join(held.Path(), "state")} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
	for _, d := range []*Dir{held, next} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(d.Path()); err == nil {
			t.Errorf("%s is there still", d.Path())
		}
	}
}

// TestNewAtOnce makes many at the same time: each is there until its owner removes it.
func TestNewAtOnce(t *testing.T) {
	parent := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				d, err := New(parent, "x")
				if err != nil {
					t.Error(err)
					return
				}
				path := filepath.Join(d.Path(), "file")
				if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
					t.Error(err)
				}
				if _, err := os.ReadFile(path); err != nil {
					t.Error(err)
				}
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
