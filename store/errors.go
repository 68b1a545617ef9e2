package store

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"
)

var (
	// ErrLocked means that another process has the data directory.
	ErrLocked = errors.New("data directory is locked")
	// ErrCorrupt means that what the disk holds isn't what was written. The error's text names the place.
	ErrCorrupt = errors.New("corrupt")
	// ErrNoSpace means that the disk is full. Nothing was changed; the call may be repeated when there is room.
	ErrNoSpace = errors.New("no space left")
	// ErrNotFound means that there is no such payload.
	ErrNotFound = errors.New("not found")
	// ErrClosed is returned by calls after Close.
	ErrClosed = errors.New("store is closed")
	// ErrFormat means that the file was written by a newer version.
	ErrFormat = errors.New("unknown format")
)

// corrupt describes damage under a key of a bucket.
func corrupt(bucket string, key []byte, what string) error {
	return fmt.Errorf("%w: bucket %s, key %x: %s", ErrCorrupt, bucket, key, what)
}

// noSpace turns the errors of a full disk, a quota or a file size limit into ErrNoSpace, and leaves others alone.
//
// Only writes count: an fsync that fails for lack of space has lost data that a write had accepted, which is fatal like
// any failed fsync. bbolt returns a failed write as *fs.PathError, a failed fsync bare, and flattens a failed truncate
// into text.
func noSpace(err error) error {
	if err == nil {
		return nil
	}
	var pe *fs.PathError
	if errors.As(err, &pe) && isFull(pe.Err) && (pe.Op == "write" || pe.Op == "truncate" || pe.Op == "open") {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	if text := err.Error(); strings.HasPrefix(text, "file resize error: ") {
		for _, e := range fullErrnos {
			if strings.HasSuffix(text, e.Error()) {
				return fmt.Errorf("%w: %w", ErrNoSpace, err)
			}
		}
	}
	return err
}

var fullErrnos = [...]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isFull(err error) bool {
	for _, e := range fullErrnos {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// guard runs a function that reads bbolt's pages. A panic or a memory fault there (the file was cut short under its
// mapping, a page is damaged) becomes ErrCorrupt.
//
// Invariant: fn runs no code of the caller's, whose bugs must not pass for damage.
func guard(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: reading the file: %v", ErrCorrupt, r)
		}
	}()
	return fn()
}
