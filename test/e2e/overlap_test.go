package e2e

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// TestTickWaitsForTheWorker: with the overlap policy cancel a handler is asked to stop, and the next tick's task starts only when it has,
// though the server is killed in between.
func TestTickWaitsForTheWorker(t *testing.T) {
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	_, err := c.Schedules().Put(limited(t), "poll", "30 2 29 2 *", client.Raw("poll", nil),
		client.TaskOptions(client.Queue("polls")), client.OnOverlap(client.OverlapCancel))
	if err != nil {
		t.Fatal(err)
	}
	var running, most, begun atomic.Int64
	asked, stop := make(chan error, 8), make(chan struct{})
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"polls": 1}, Concurrency: 4})
	if err != nil {
		t.Fatal(err)
	}
	w.HandleFunc("poll", func(ctx context.Context, _ *worker.RawTask) error {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		if begun.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		asked <- context.Cause(ctx)
		<-stop
		return ctx.Err()
	})
	ctx, stopWorker := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stopWorker()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})

	first, err := c.Schedules().Trigger(limited(t), "poll")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first task runs", func(context.Context) (bool, error) { return running.Load() == 1, nil })
	if next, err := c.Schedules().Trigger(limited(t), "poll"); err != nil || next != "" {
		t.Fatalf("the second tick: task %q, %v", next, err)
	}
	select {
	case cause := <-asked:
		if !errors.Is(cause, worker.ErrSuperseded) {
			t.Errorf("cancelled with %v", cause)
		}
	case <-limited(t).Done():
		t.Fatal("the handler isn't asked to stop")
	}
	kill(t, n.Process)
	serve(t, dir, n)
	if info, err := c.Schedules().Get(limited(t), "poll"); err != nil || info.LiveTasks != 1 || begun.Load() != 1 {
		t.Errorf("while the handler runs: %+v, %v, %d begun", info, err, begun.Load())
	}
	close(stop)
	eventually(t, "the second task runs", func(context.Context) (bool, error) { return begun.Load() == 2, nil })
	if most.Load() != 1 {
		t.Errorf("%d ran at the same time", most.Load())
	}
	eventually(t, "the first is cancelled", func(ctx context.Context) (bool, error) {
		info, err := c.Get(ctx, first)
		return err == nil && info.State == client.Cancelled, err
	})
}
