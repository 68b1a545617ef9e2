package client_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// BenchmarkEnqueue is single tasks from 64 goroutines, against a real server.
func BenchmarkEnqueue(b *testing.B) {
	c := connect()
	defer c.Close()
	payload := make([]byte, 200)
	b.ReportAllocs()
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Enqueue(context.Background(), client.Raw("bench", payload), client.Queue("bench")); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkEnqueueMany is batches of 1,000.
func BenchmarkEnqueueMany(b *testing.B) {
	c := connect()
	defer c.Close()
	payload := make([]byte, 200)
	tasks := make([]client.NewTask, 1000)
	for i := range tasks {
		tasks[i] = client.NewTask{Args: client.Raw("bench", payload), Options: []client.Option{client.Queue("bench")}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.EnqueueMany(context.Background(), tasks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "tasks/s")
}
