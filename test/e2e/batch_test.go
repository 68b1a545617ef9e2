package e2e

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// TestBatchThroughRestarts kills the server while a batch of 100 tasks is worked off, and again when it has just been closed: each
// task counts once, and each callback is enqueued once.
func TestBatchThroughRestarts(t *testing.T) {
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	done := func(kind string) *client.NewTask {
		return &client.NewTask{Args: client.Raw(kind, nil), Options: []client.Option{client.Queue("ops")}}
	}
	batch, err := c.Batches().Create(limited(t), client.NewBatch{
		Name: "nightly", OnSuccess: done("success"), OnDeath: done("death"), OnComplete: done("complete"),
	})
	if err != nil {
		t.Fatal(err)
	}

	var began, added atomic.Int64
	halfway, goOn := make(chan struct{}), make(chan struct{})
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"etl": 1}, Concurrency: 8})
	if err != nil {
		t.Fatal(err)
	}
	w.HandleFunc("load", func(ctx context.Context, task *worker.RawTask) error {
		if task.BatchID != batch.ID {
			t.Errorf("task %s doesn't say that its batch is %s: %+v", task.ID, batch.ID, task.Related)
		}
		if began.Add(1) == 30 {
			close(halfway)
		}
		if string(task.Payload) == "add" { // a running task adds another one to its batch
			_, err := c.Enqueue(ctx, client.Raw("load", nil), client.Queue("etl"), client.InBatch(task.BatchID), client.Unique("of-"+task.ID), client.UniqueMode(client.Return))
			if err != nil {
				return err
			}
			added.Add(1)
		}
		if began.Load() >= 30 {
			select {
			case <-goOn:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
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

	tasks := make([]client.NewTask, 99)
	for i := range tasks {
		tasks[i] = client.NewTask{Args: client.Raw("load", nil), Options: []client.Option{client.Queue("etl"), client.InBatch(batch.ID)}}
	}
	tasks[0].Args = client.Raw("load", []byte("add"))
	if _, err := c.EnqueueMany(limited(t), tasks); err != nil {
		t.Fatal(err)
	}
	select {
	case <-halfway:
	case <-limited(t).Done():
		t.Fatal("the worker does nothing")
	}
	eventually(t, "the first task has added another one", func(context.Context) (bool, error) { return added.Load() > 0, nil })
	kill(t, n.Process)
	n = serve(t, dir, n)
	if info, err := c.Batches().Close(limited(t), batch.ID); err != nil || info.Total != 100 || info.State != client.BatchClosed {
		t.Fatalf("after the restart: %+v, %v", info, err)
	}
	kill(t, n.Process)
	n = serve(t, dir, n)
	close(goOn)

	info, err := c.Batches().Wait(limited(t), batch.ID)
	if err != nil {
		t.Fatal(err)
	}
	if info.Total != 100 || info.Completed != 100 || info.OnSuccess.State != "enqueued" || info.OnDeath.State != "waiting" || info.OnComplete.State != "enqueued" {
		t.Errorf("in the end: %+v, %+v, %+v, %+v", info, info.OnSuccess, info.OnDeath, info.OnComplete)
	}
	stop(t, n.Process)
	serve(t, dir, n)
	callbacks := map[string]string{}
	for task, err := range c.List(limited(t), client.Query{Queue: "ops"}) {
		if err != nil {
			t.Fatal(err)
		}
		if task.CallbackOf != batch.ID || callbacks[task.Callback] != "" {
			t.Errorf("one callback too many: %+v", task)
		}
		callbacks[task.Callback] = task.ID
	}
	if len(callbacks) != 2 || callbacks["on_success"] != info.OnSuccess.TaskID || callbacks["on_complete"] != info.OnComplete.TaskID {
		t.Errorf("callbacks: %v", callbacks)
	}
}
