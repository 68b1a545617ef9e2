package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is the path of a data directory.
type Dir string

// State is the path of the state file.
func (d Dir) State() string { return filepath.Join(string(d), "state.db") }

// Log is the path of the Raft log.
func (d Dir) Log() string { return filepath.Join(string(d), "raft.db") }

// Lock is the path of the file whose lock says that the directory is in use.
func (d Dir) Lock() string { return filepath.Join(string(d), "lock") }

// Identity is the path of the identity file.
func (d Dir) Identity() string { return filepath.Join(string(d), "identity.json") }

// Diverged is the path of the file that says that the state here differs from the one that the group agreed on.
func (d Dir) Diverged() string { return filepath.Join(string(d), "diverged") }

// Restoring is the path of the file that says that a restore into the directory hasn't come to its end.
func (d Dir) Restoring() string { return filepath.Join(string(d), "restoring") }

// Images is the directory of the prepared state files that an entry of the log is to put in the state's place. They outlive a
// restart, as the entry may be executed after it.
func (d Dir) Images() string { return filepath.Join(string(d), "images") }

// Incoming is the directory of unfinished files: images on their way in or out, files being made. Open empties it.
func (d Dir) Incoming() string { return filepath.Join(string(d), "incoming") }

// create makes the directory if it doesn't exist.
func (d Dir) create() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	return nil
}

// clean empties Incoming. It needs the directory's lock.
func (d Dir) clean() error {
	if err := os.RemoveAll(d.Incoming()); err != nil {
		return fmt.Errorf("remove unfinished files: %w", err)
	}
	if err := os.Mkdir(d.Incoming(), 0o700); err != nil {
		return fmt.Errorf("create directory of unfinished files: %w", err)
	}
	return nil
}

// exists reports whether there is something at path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
