// Package scratch makes directories for what is temporary and may be large, such as the state of a trial restore. One that a killed
// process left is removed when the next is made beside it.
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// begins is how the names of all scratch directories begin, and of nothing else: whatever has such a name, and no process that
// holds it, is removed.
const begins = "rowlock-scratch-"

// Dir is a directory that this process holds.
type Dir struct {
	path string
	held *os.File // its lock
}

// New makes a directory below parent, or below the system's for temporary files where that is empty, and removes what dead
// processes left there. use is part of its name, for who looks at a full disk.
func New(parent, use string) (*Dir, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	for {
		path, err := os.MkdirTemp(parent, begins+use+"-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) { // swept before it was held
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("hold a temporary directory: %w", err), os.Remove(path))
		}
		// Where there are no locks nobody can take it for a dead one's either.
		if held, err := Hold(f); err == nil && (!held || !there(path, f)) {
			f.Close()
			continue
		}
		return &Dir{path: path, held: f}, nil
	}
}

// Path is the directory's.
func (d *Dir) Path() string { return d.path }

// Remove removes it with all that is in it.
func (d *Dir) Remove() error { return errors.Join(os.RemoveAll(d.path), d.held.Close()) }

// there reports whether the path still leads to the open file.
func there(path string, f *os.File) bool {
	found, err := os.Lstat(path)
	if err != nil {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(found, own)
}

// sweep removes the directories of this user that no process holds. What can't be removed isn't in the way.
func sweep(parent string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), begins) {
			removeDead(filepath.Join(parent, e.Name()))
		}
	}
}

func removeDead(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return
	}
	if held, err := Hold(f); err == nil && held && there(path, f) {
		_ = os.RemoveAll(path)
	}
}

// Hold takes an open file or directory for this process, until it is closed, at the latest with the process' end; false: another
// has it. An error means that it lies where there are no locks.
func Hold(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return true, nil
}
