package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rowlock/rowlock/store/scratch"
)

// Keys are useless but as a whole: a public key without the private one, with which backups are encrypted all the same, is a
// loss. So they are written to the directory keysBegun, which becomes keysWhole by one rename when all are there, and are then
// moved to their places. Who finds keysWhole has found keys that a killed run didn't come to move, and does that.
const (
	keysBegun = ".keygen-unfinished"
	keysWhole = ".keygen"
)

// placeKeys puts the files into the directory: all of them, or none. Where an earlier run was killed after it had written its
// own, it puts those there instead: resumed. No file that is there is overwritten.
func placeKeys(dir string, files []keyFile) (resumed bool, err error) {
	held, err := os.Open(dir)
	if err != nil {
		return false, fmt.Errorf("--dir: %w", err)
	}
	defer held.Close()
	if ok, err := scratch.Hold(held); err == nil && !ok {
		return false, &exitError{code: exitRefused, text: "another process makes keys in " + dir}
	}
	whole := filepath.Join(dir, keysWhole)
	if _, err := os.Lstat(whole); err == nil {
		return true, moveKeys(dir, files)
	}
	for _, f := range files {
		if err := notThere(filepath.Join(dir, f.name)); err != nil {
			return false, err
		}
	}
	begun := filepath.Join(dir, keysBegun)
	if err := os.RemoveAll(begun); err != nil {
		return false, err
	}
	if err := writeKeys(begun, files); err != nil {
		return false, errors.Join(err, os.RemoveAll(begun))
	}
	if err := os.Rename(begun, whole); err != nil {
		return false, err
	}
	return false, errors.Join(syncDir(dir), moveKeys(dir, files))
}

func notThere(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &exitError{code: exitRefused, text: path + " is there already: choose another --dir; what was encrypted for a key needs that key"}
	}
	return nil
}

// writeKeys writes all to a new directory.
func writeKeys(dir string, files []keyFile) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(dir, f.name), f.text); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// moveKeys moves to their places those files of keysWhole that aren't there yet.
func moveKeys(dir string, files []keyFile) error {
	whole := filepath.Join(dir, keysWhole)
	for _, f := range slices.Backward(files) { // that with which backups are encrypted last
		from, to := filepath.Join(whole, f.name), filepath.Join(dir, f.name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := notThere(to); err != nil {
			return err
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Remove(whole); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes what was done in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
