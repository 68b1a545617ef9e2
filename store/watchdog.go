package store

import (
	"sync"
	"time"
)

// DefaultHungAfter is how long an I/O may take before the disk counts as hung: a leader whose disk hangs goes on sending
// heartbeats and stops the group, so it must be gone in under 10 s.
const DefaultHungAfter = 8 * time.Second

// watchSteps is how many timer steps make up a limit. A process that was stopped for a while sees one step pass, not
// all of them, and isn't taken for one with a hung disk.
const watchSteps = 8

// Watchdog tells when an I/O hangs. One serves all files of a data directory. It times I/O only: callers start it after
// they have their locks.
type Watchdog struct {
	limit  time.Duration
	onHung func(op string, d time.Duration)
}

// NewWatchdog returns a watchdog that calls onHung, on a goroutine of its own and once for each operation, when an
// operation has run for limit (DefaultHungAfter if 0).
func NewWatchdog(limit time.Duration, onHung func(op string, d time.Duration)) *Watchdog {
	if limit <= 0 {
		limit = DefaultHungAfter
	}
	return &Watchdog{limit: limit, onHung: onHung}
}

// Start begins timing an operation; the returned function ends it. A nil Watchdog times nothing.
func (w *Watchdog) Start(op string) (stop func()) {
	if w == nil || w.onHung == nil {
		return func() {}
	}
	run := &watched{dog: w, op: op}
	run.mu.Lock()
	run.timer = time.AfterFunc(w.limit/watchSteps, run.step)
	run.mu.Unlock()
	return run.stop
}

// watched is one running operation. mu guards all but the first two.
type watched struct {
	dog *Watchdog
	op  string

	mu      sync.Mutex
	timer   *time.Timer
	steps   int
	stopped bool
}

func (r *watched) step() {
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return
	}
	r.steps++
	hung := r.steps == watchSteps
	if !hung {
		r.timer.Reset(r.dog.limit / watchSteps)
	}
	r.mu.Unlock()
	if hung {
		r.dog.onHung(r.op, r.dog.limit)
	}
}

func (r *watched) stop() {
	r.mu.Lock()
	r.stopped = true
	r.timer.Stop()
	r.mu.Unlock()
}
