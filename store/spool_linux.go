package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// giveBack gives a part of a file back to the file system. Where that can't be done the file keeps it until it is closed.
func giveBack(file *os.File, from, to int64) {
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.Fallocate(int(fd), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
	})
}
