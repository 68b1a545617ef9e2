package store

import (
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

// Is makes it an ErrNoSpace.
func (e *NoRoomError) Is(target error) bool { return target == ErrNoSpace }

// Room guards the free space of a data directory. While less than the reserve is free, new tasks must be refused, so
// that what frees space (completions, retention) can go on. It reopens at an eighth above the reserve, so that it
// doesn't flap.
type Room struct {
	dir     string
	minFree uint64
	now     func() time.Time
	statfs  func(dir string) (free, total uint64, err error)

	mu     sync.Mutex // guards the rest
	looked time.Time
	full   bool
	last   error
}

// NewRoom guards the file system of dir. With minFree 0 it keeps DefaultMinFree.
func NewRoom(dir string, minFree uint64, now func() time.Time) *Room {
	return &Room{dir: dir, minFree: minFree, now: now, statfs: statfs}
}

// Check returns nil, a *NoRoomError, or the error of looking.
func (r *Room) Check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if age := now.Sub(r.looked); !r.looked.IsZero() && age >= 0 && age < roomAge {
		return r.last
	}
	r.looked = now
	r.last = r.look()
	return r.last
}

func (r *Room) look() error {
	free, total, err := r.statfs(r.dir)
	if err != nil {
		return fmt.Errorf("look at free space of %s: %w", r.dir, err)
	}
	need := r.minFree
	if need == 0 {
		need = min(DefaultMinFree, total/20)
	}
	if r.full {
		need += need / 8
	}
	r.full = free < need
	if r.full {
		return &NoRoomError{Path: r.dir, Free: free, Needed: need}
	}
	return nil
}

// statfs returns the bytes that an unprivileged process may still use, and all.
func statfs(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
