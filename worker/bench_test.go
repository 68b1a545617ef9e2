package worker_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// BenchmarkDrain is how fast a worker of 64 handlers that do nothing works a backlog off, against a real server.
func BenchmarkDrain(b *testing.B) {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	payload := make([]byte, 200)
	for left := b.N; left > 0; {
		tasks := make([]client.NewTask, min(left, 10_000))
		for i := range tasks {
			tasks[i] = client.NewTask{Args: client.Raw("bench", payload), Options: []client.Option{client.Queue("bench-drain")}}
		}
		if _, err := c.EnqueueMany(ctx, tasks); err != nil {
			b.Fatal(err)
		}
		left -= len(tasks)
	}
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"bench-drain": 1}, Concurrency: 64})
	if err != nil {
		b.Fatal(err)
	}
	var count atomic.Int64
	done := make(chan struct{})
	w.HandleFunc(worker.AnyKind, func(context.Context, *worker.RawTask) error {
		if count.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	b.ReportAllocs()
	b.ResetTimer()
	stop := start(w)
	<-done
	stop()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}
