package worker

import "time"

const (
	// maxHeld is how many leases a worker may hold, those that run and those that wait; the servers' bound.
	maxHeld = 4096
	// Handlers that take longer than quickTask on average get no prefetch; others what they finish in prefetchTime,
	// which covers the way to the server and back with a commit on it.
	quickTask    = 5 * time.Millisecond
	prefetchTime = 20 * time.Millisecond
	// stalled is the average after which no prefetch is given: some dozens of quick tasks bring it back.
	stalled = time.Second
	// smoothing is the weight of one task in the average, as a divisor.
	smoothing = 16
)

// pace decides how many tasks a worker holds beyond those that run, from how long its handlers take.
type pace struct {
	concurrency int
	fixed       *int
	average     time.Duration
	current     int // prefetch that was decided on last
}

// observe takes in how long a handler took.
func (p *pace) observe(took time.Duration) {
	if p.average == 0 {
		p.average = took
	}
	p.average += (took - p.average) / smoothing
	p.average = max(p.average, 1)
}

// stall takes the prefetch away: tasks wait while no handler is free.
func (p *pace) stall() { p.average = max(p.average, stalled) }

// prefetch decides. It stays with what it has said while the difference is small, so that capacity isn't stated anew
// all the time.
func (p *pace) prefetch() int {
	if p.fixed != nil {
		return *p.fixed
	}
	target, most := 0, maxHeld-p.concurrency
	if p.average > 0 && p.average < quickTask {
		target = int(min(int64(p.concurrency)*int64(prefetchTime)/int64(p.average), int64(most)))
	}
	if target == 0 || target > p.current+p.current/4 || target < p.current-p.current/4 {
		p.current = target
	}
	return p.current
}
