package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// A worker that an operator drains gives back what waits, lets its handlers run for longer than the grace period, says
// goodbye when every outcome is acknowledged, and tells why it stopped.
func TestDrainedByOperator(t *testing.T) {
	f := startFake(t)
	release := make(chan struct{})
	prefetch := 4
	w := run(t, f, worker.Config{Concurrency: 1, Prefetch: &prefetch, GracePeriod: -1}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return ctx.Err()
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("slow", 1, 2)
	s.await("started", func(seen *seen) bool { return seen.started[1] })
	s.send(&rowlockv1.WorkResponse{Drain: true})
	s.await("no capacity", func(seen *seen) bool { return seen.capacity == 0 })
	s.send(&rowlockv1.WorkResponse{Drain: true})
	if !s.outcome(2).GetReleased() {
		t.Errorf("a task that waits was not given back")
	}
	close(release)
	if o := s.outcome(1); o.GetReleased() || o.GetFailed() != nil {
		t.Errorf("the running task was not allowed to finish: %v", o)
	}
	s.await("no goodbye before the acknowledgements", func(seen *seen) bool { return !seen.goodbye })
	s.ack(1, 2)
	s.await("goodbye", func(seen *seen) bool { return seen.goodbye })
	s.end <- nil
	if err := <-w.result; !errors.Is(err, worker.ErrDrained) {
		t.Errorf("Run returned %v", err)
	}
}
