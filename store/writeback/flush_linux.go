package writeback

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// flush has the disk begin to write from begin to end, and waits until it has written what it had begun before, from before on.
// It asks for no flush of the disk's cache and commits no journal, as an fsync would, which those of others wait for.
func flush(file *os.File, before, begin, end int64) error {
	err := control(file, func(fd int) error {
		if begin > before {
			if err := unix.SyncFileRange(fd, before, begin-before, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER); err != nil {
				return err
			}
		}
		return unix.SyncFileRange(fd, begin, end-begin, unix.SYNC_FILE_RANGE_WRITE)
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESPIPE) { // a file system that can't
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "sync_file_range", Path: file.Name(), Err: err}
	}
	return nil
}

// control runs fn on the file's descriptor.
func control(file *os.File, fn func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = fn(int(fd)) }); err != nil {
		return err
	}
	return failed
}
