package store

import (
	"sync"
	"time"
)

// usage tells for how long something has been in use, all times together.
type usage struct {
	mu    sync.Mutex // guards the rest
	total time.Duration
	since time.Time // of the use that goes on; zero: none does
}

func (u *usage) begin(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.since = now
}

func (u *usage) end(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total += now.Sub(u.since)
	u.since = time.Time{}
}

// until is the total at a time, with what goes on: a write that hangs counts before it ends.
func (u *usage) until(now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.since.IsZero() {
		return u.total
	}
	return u.total + now.Sub(u.since)
}
