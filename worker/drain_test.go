package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/worker"
)

// A worker that stops lets handlers finish within the grace period, gives back what waits, and says goodbye when every
// outcome is acknowledged.
func TestDrain(t *testing.T) {
	f := startFake(t)
	release := make(chan struct{})
	prefetch := 4
	w := run(t, f, worker.Config{Concurrency: 1, Prefetch: &prefetch}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error { <-release; return ctx.Err() })
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.await("the fixed prefetch is asked for", func(seen *seen) bool { return seen.capacity == 5 })
	s.give("slow", 1, 2, 3)
	s.await("started", func(seen *seen) bool { return seen.started[1] })
	w.stop()
	s.await("no capacity", func(seen *seen) bool { return seen.capacity == 0 })
	if !s.outcome(2).GetReleased() || !s.outcome(3).GetReleased() {
		t.Errorf("tasks that wait were not given back")
	}
	s.give("slow", 4) // was on its way
	if !s.outcome(4).GetReleased() {
		t.Errorf("a late task was not given back")
	}
	close(release)
	if o := s.outcome(1); o.GetReleased() || o.GetFailed() != nil {
		t.Errorf("the running task was not allowed to finish: %v", o)
	}
	s.await("no goodbye before the acknowledgements", func(seen *seen) bool { return !seen.goodbye })
	s.ack(1, 2, 3, 4)
	s.await("goodbye", func(seen *seen) bool { return seen.goodbye })
	s.end <- nil
	if err := <-w.result; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// What runs on after the grace period is cancelled with ErrShutdown and given back, no attempt burnt.
func TestDrainGrace(t *testing.T) {
	f := startFake(t)
	cause := make(chan error, 1)
	w := run(t, f, worker.Config{GracePeriod: 10 * time.Millisecond}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		})
		w.HandleFunc("done", func(ctx context.Context, t *worker.RawTask) error {
			<-ctx.Done()
			return t.SetResult("all the same")
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("slow", 1)
	s.give("done", 2)
	s.await("started", func(seen *seen) bool { return len(seen.started) == 2 })
	w.stop()
	if err := <-cause; !errors.Is(err, worker.ErrShutdown) {
		t.Errorf("cancelled with %v, want ErrShutdown", err)
	}
	if o := s.outcome(1); !o.GetReleased() {
		t.Errorf("got %v, want released", o)
	}
	if o := s.outcome(2); string(o.GetCompleted()) != `"all the same"` {
		t.Errorf("got %v, want completed", o)
	}
	s.ack(1, 2)
	s.await("goodbye", func(seen *seen) bool { return seen.goodbye })
	s.end <- nil
	if err := <-w.result; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// A worker that can't reach a server any more stops all the same, and says what is open.
func TestDrainCutOff(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	w := run(t, f, worker.Config{GracePeriod: -1}, func(w *worker.Worker) {
		w.HandleFunc("quick", func(context.Context, *worker.RawTask) error { return nil })
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("quick", 1)
	s.outcome(1)
	f.stop()
	w.stop()
	if err := <-w.result; err == nil || !strings.Contains(err.Error(), "1 outcomes were not acknowledged") {
		t.Errorf("Run returned %v", err)
	}
}
