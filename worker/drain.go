package worker

import (
	"cmp"
	"fmt"
	"time"
)

const (
	// stopTime is how long handlers have to return after their contexts were cancelled at the end of the grace period.
	stopTime = 5 * time.Second
	// ackTime is how long a stopping worker waits for its outcomes to be acknowledged, and leaveTime for its goodbye.
	ackTime   = 5 * time.Second
	leaveTime = 2 * time.Second
)

// drain stops in an orderly way: it takes no more tasks, gives back what waits, lets the handlers finish within the
// grace period, gives back what they leave, and waits until all outcomes are durable.
func (w *Worker) drain() error {
	g := w.ledger
	g.drain()
	if !g.await(w.config.GracePeriod, func() bool { return g.crew.busy == 0 }) {
		w.config.Logger.Warn("the grace period has passed: running tasks are given back", "running", g.cancelAll(ErrShutdown))
		g.await(stopTime, func() bool { return g.crew.busy == 0 })
	}
	stuck := g.abandon()
	g.await(ackTime, func() bool { return len(g.leases) == 0 || g.cutOff })
	open := g.snapshot().Unacknowledged
	var err error
	if stuck > 0 {
		err = fmt.Errorf("worker: %d handlers didn't return; their tasks were given back", stuck)
	}
	if open > 0 {
		err = cmp.Or(err, fmt.Errorf("worker: %d outcomes were not acknowledged in time", open))
	}
	return err
}

// drain lets no more tasks in, and gives back those that wait.
func (g *ledger) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drained = true
	g.giveBack()
}

// cancelAll cancels the handlers, and returns how many run.
func (g *ledger) cancelAll(cause error) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.leases {
		if l.state == leaseRunning {
			l.cancel(cause)
		}
	}
	return g.crew.busy
}

// abandon gives back the tasks whose handlers don't return, and returns how many do not.
func (g *ledger) abandon() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.sorted() {
		if l.state == leaseRunning {
			g.stats.Released++
			g.settle(l, Outcome{Kind: Released})
		}
	}
	g.nudge()
	return g.crew.busy
}

// cut says that there will be no connection any more.
func (g *ledger) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cutOff = true
	g.change.Broadcast()
}

// await waits until something is reached, at most for the limit. reached is called with mu held.
func (g *ledger) await(limit time.Duration, reached func() bool) bool {
	passed := false
	timer := time.AfterFunc(max(limit, 0), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		passed = true
		g.change.Broadcast()
	})
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for !reached() && !passed {
		g.change.Wait()
	}
	return reached()
}

// close lets the handler goroutines return that wait, and reports whether all do.
func (g *ledger) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.work.Broadcast()
	return g.crew.busy == 0
}
