package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// A handler that is asked to stop keeps its lease until it returns, and then says how it ended. What hasn't begun is given back.
func TestStopping(t *testing.T) {
	f := startFake(t)
	cause, release, prefetch := make(chan error, 2), make(chan struct{}), 4
	run(t, f, worker.Config{Concurrency: 2, Prefetch: &prefetch}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, t *worker.RawTask) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			<-release
			if t.Token == 2 {
				return t.SetResult("done")
			}
			return ctx.Err()
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("slow", 1, 2)
	s.await("started", func(seen *seen) bool { return len(seen.started) == 2 })
	s.give("slow", 3)
	stop := &rowlockv1.WorkResponse{Stopping: []*rowlockv1.StopRequest{{Token: 1}, {Token: 2}, {Token: 3}, {Token: 4}}}
	s.send(stop)
	s.send(stop)
	for range 2 {
		if err := <-cause; !errors.Is(err, worker.ErrSuperseded) {
			t.Errorf("cancelled with %v, want ErrSuperseded", err)
		}
	}
	if o := s.outcome(3); !o.GetReleased() {
		t.Errorf("what hadn't begun: %v", o)
	}
	s.await("no outcome before the handlers return", func(seen *seen) bool { return len(seen.outcomes) == 1 })
	close(release)
	if o := s.outcome(1); !o.GetReleased() {
		t.Errorf("got %v, want released", o)
	}
	if o := s.outcome(2); string(o.GetCompleted()) != `"done"` {
		t.Errorf("got %v, want completed", o)
	}
	s.ack(1, 2, 3)
}
