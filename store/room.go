package store

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// DefaultMinFree is the room that is kept for completions, the log and checkpoints when the disk fills up: this, or 5 % of
// a file system for which that is less.
const DefaultMinFree = 256 << 20

// roomAge is how long a look at the file system is good for.
const roomAge = 200 * time.Millisecond

// NoRoomError says how much room there is and how much must be there. It is an ErrNoSpace.
type NoRoomError struct {
	Path   string
	Free   uint64 // bytes that this process may use
	Needed uint64
}

// Error names the path and what to do.
func (e *NoRoomError) Error() string {
	return fmt.Sprintf("no space left: %s has %d MiB free and needs %d MiB before new tasks are accepted", e.Path, e.Free>>20, (e.Needed+1<<20-1)>>20)
}

// ErrRoomOwed means that the room there is will be taken by what was admitted already. It passes when that is written.
var ErrRoomOwed = errors.New("the disk is busy writing what was accepted before")

// Is makes it an ErrNoSpace.
func (e *NoRoomError) Is(target error) bool { return target == ErrNoSpace }

// Room guards the free space of a data directory. While less than the reserve would be free, new tasks must be refused,
// so that what frees space (completions, retention) can go on. It reopens at an eighth above the reserve, so that it
// doesn't flap.
type Room struct {
	dir     string
	minFree uint64
	now     func() time.Time
	statfs  func(dir string) (free, total uint64, err error)

	mu       sync.Mutex // guards the rest
	looked   time.Time
	free     uint64 // when it looked
	total    uint64
	failed   error  // to look
	owed     uint64 // at that time
	admitted uint64 // bytes since then
	full     bool
}

// NewRoom guards the file system of dir. With minFree 0 it keeps DefaultMinFree.
func NewRoom(dir string, minFree uint64, now func() time.Time) *Room {
	return &Room{dir: dir, minFree: minFree, now: now, statfs: statfs}
}

// writesPerByte, in halves, is what a byte of a new task takes on the disk until it is in the state file: one in the
// log, and one and a half in the state file, whose pages are never full.
const writesPerByte = 5

// Admit asks for room for size bytes of new tasks. What has been admitted already and is still owed to the disk, in
// bytes, must fit besides. It returns nil, a *NoRoomError, ErrRoomOwed, or the error of looking.
//
// Invariant: what was admitted can be written to the log and then to the state file, and the reserve stays free. A
// look at the file system is good for a while; what was owed at that time, and what was admitted since, is taken off
// whether it has been written by now or not.
func (r *Room) Admit(size int, owed uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.look() {
		r.owed = owed
	}
	if r.failed != nil {
		return r.failed
	}
	need := r.minFree
	if need == 0 {
		need = min(DefaultMinFree, r.total/20)
	}
	if r.full {
		need += need / 8
	}
	need += uint64(size) * writesPerByte / 2
	if r.full = r.free < need; r.full {
		return &NoRoomError{Path: r.dir, Free: r.free, Needed: need}
	}
	if r.free < need+r.owed+r.admitted*writesPerByte/2 {
		return ErrRoomOwed
	}
	r.admitted += uint64(size)
	return nil
}

// Free returns the bytes that are free, as of a short while ago; false: that can't be told.
func (r *Room) Free() (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := r.now().Sub(r.looked); r.looked.IsZero() || age < 0 || age >= roomAge {
		free, _, err := r.statfs(r.dir)
		return free, err == nil
	}
	return r.free, r.failed == nil
}

// look looks at the file system, unless it did lately.
func (r *Room) look() bool {
	now := r.now()
	if age := now.Sub(r.looked); !r.looked.IsZero() && age >= 0 && age < roomAge {
		return false
	}
	r.looked, r.admitted = now, 0
	if r.free, r.total, r.failed = r.statfs(r.dir); r.failed != nil {
		r.failed = fmt.Errorf("look at free space of %s: %w", r.dir, r.failed)
	}
	return true
}

// statfs returns the bytes that an unprivileged process may still use, and all.
// DiskSpace is how many bytes of a directory's file system this process may still use, and how many it has.
func DiskSpace(dir string) (free, total uint64, err error) { return statfs(dir) }

func statfs(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
