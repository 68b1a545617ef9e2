package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

// asideMark is the mark of a directory whose files are being set aside, which tells where.
var asideMark = regexp.MustCompile(`^its files were being set aside in (aside-[0-9TZ.]+) when the process died: repeat 'rowlock cluster rebuild'$`)

// SettingAside reports whether a SetAside of the directory was begun that hasn't come to its end, so that its state may be gone
// from its place: it is to be repeated.
func SettingAside(dir string) (bool, error) {
	aside, err := begunAside(dir)
	return aside != "", err
}

// begunAside is where the files of the directory are being set aside; empty: nowhere.
func begunAside(dir string) (string, error) {
	text, marked, err := Divergence(dir)
	if err != nil || !marked {
		return "", err
	}
	m := asideMark.FindStringSubmatch(text)
	if m == nil {
		return "", nil
	}
	return filepath.Join(dir, m[1]), nil
}

// SetAside moves the files of a stopped member, whose lock the caller holds, to a directory beside them, and leaves an empty
// member of another identity. It returns that directory's path.
//
// A crash in the middle leaves a directory that is marked as diverged, and so isn't served from, and that still says who its member
// is: a repeated call goes on where it was, with the same directory.
func SetAside(dir string, id Identity, now time.Time) (string, error) {
	d := Dir(dir)
	aside, err := beginAside(dir, now)
	if err != nil {
		return "", err
	}
	// The identity is copied rather than moved, so that there always is one. What is there already is of an earlier call.
	kept := filepath.Join(aside, filepath.Base(d.Identity()))
	if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
		if err := copyDurably(d.Identity(), kept); err != nil {
			return "", fmt.Errorf("set the files aside: %w", err)
		}
	}
	for _, path := range []string{d.State(), d.Log()} {
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

// beginAside makes the directory for the files and marks the data directory, or finds both made.
func beginAside(dir string, now time.Time) (string, error) {
	aside, err := begunAside(dir)
	if err != nil || aside != "" {
		return aside, err
	}
	empty, err := filepath.Glob(filepath.Join(dir, "aside-*"))
	if err != nil {
		return "", err
	}
	for _, path := range empty { // of a call that died before it marked the directory; one that holds files stays
		_ = os.Remove(path)
	}
	name := "aside-" + now.UTC().Format("20060102T150405.000Z")
	aside = filepath.Join(dir, name)
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("set the files aside: %w", noSpace(err))
	}
	return aside, MarkDiverged(dir, "its files were being set aside in "+name+" when the process died: repeat 'rowlock cluster rebuild'")
}

// copyDurably copies a small file, if it is there.
func copyDurably(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeDurably(to, data)
}
