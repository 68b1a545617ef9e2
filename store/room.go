package store

import (
	"cmp"
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
	For    string // what needs it; empty: new tasks
}

// Error names the path and what to do.
func (e *NoRoomError) Error() string {
	what := cmp.Or(e.For, "new tasks are accepted")
	return fmt.Sprintf("no space left: %s has %d MiB free and needs %d MiB before %s", e.Path, e.Free>>20, (e.Needed+1<<20-1)>>20, what)
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
	need := r.reserve(r.total)
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

// reserve is what is kept free of a file system of so many bytes.
func (r *Room) reserve(total uint64) uint64 {
	if r.minFree != 0 {
		return r.minFree
	}
	return min(DefaultMinFree, total/20)
}

// Fits asks whether a file of size bytes would leave the reserve free. It returns nil, a *NoRoomError that says what the file
// is for, or the error of looking.
func (r *Room) Fits(size uint64, what string) error {
	free, total, err := r.statfs(r.dir)
	if err != nil {
		return fmt.Errorf("look at free space of %s: %w", r.dir, err)
	}
	if need := size + r.reserve(total); free < need {
		return &NoRoomError{Path: r.dir, Free: free, Needed: need, For: what}
	}
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

// DiskSpace is how many bytes of a directory's file system this process may still use, and how many it has.
func DiskSpace(dir string) (free, total uint64, err error) { return statfs(dir) }

// statfs returns the bytes that an unprivileged process may still use, and all.
func statfs(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
