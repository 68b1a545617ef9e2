package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeDurably puts data at path in one step: a crash leaves the old file or the new one.
func writeDurably(path string, data []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return noSpace(err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, noSpace(err))
	}
	return moveDurably(tmp, path)
}

// moveDurably renames a file that is already fsynced, and fsyncs the directory.
func moveDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("move into place: %w", err)
	}
	return syncPath(filepath.Dir(to))
}

// syncPath fsyncs a file or directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("fsync: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("fsync %s: %w", path, err)
	}
	return nil
}
