package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Hold takes the lock of a data directory until the returned function is called: ErrLocked while a member has it.
func Hold(dir string) (release func() error, err error) {
	lock, err := lockDir(Dir(dir))
	if err != nil {
		return nil, err
	}
	return lock.Close, nil
}

// SetAside moves the files of a stopped member, whose lock the caller holds, to a directory beside them, and leaves an empty
// member of another identity. It returns that directory's path.
//
// A crash in the middle leaves a directory that is marked as diverged, and so isn't served from: repeat the call.
func SetAside(dir string, id Identity, now time.Time) (string, error) {
	d := Dir(dir)
	if err := MarkDiverged(dir, "its files were being set aside when the process died: repeat 'rowlock cluster rebuild'"); err != nil {
		return "", err
	}
	aside := filepath.Join(dir, "aside-"+now.UTC().Format("20060102T150405.000Z"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("set the files aside: %w", noSpace(err))
	}
	for _, path := range []string{d.State(), d.Log(), d.Identity()} {
		err := os.Rename(path, filepath.Join(aside, filepath.Base(path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set the files aside: %w", err)
		}
	}
	if err := errors.Join(syncPath(aside), syncPath(dir)); err != nil {
		return "", err
	}
	if err := SaveIdentity(dir, id); err != nil {
		return "", err
	}
	if err := os.Remove(d.Diverged()); err != nil {
		return "", fmt.Errorf("set the files aside: %w", err)
	}
	return aside, syncPath(dir)
}
