package rpc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// BenchmarkWaitTask is how long a call of WaitTask takes to answer after the call that completed its task was answered, while
// 1,000 such calls wait: its median and its 99th percentile.
func BenchmarkWaitTask(b *testing.B) {
	const waiters = 1000
	m := start(b, withTTL(10*time.Minute))
	watch := pb.NewWatchServiceClient(m.conn)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	session := m.session("q")
	type waiting struct {
		leased   *pb.LeasedTask
		answered chan time.Time
	}
	var ready []waiting
	var wg sync.WaitGroup
	add := func(n int) {
		m.enqueue(some(n, "q")...)
		var leased []*pb.LeasedTask
		for len(leased) < n {
			leased = append(leased, m.lease(&pb.LeaseRequest{SessionId: session, MaxTasks: uint32(n - len(leased)), WaitSeconds: 5})...)
		}
		for _, t := range leased {
			w := waiting{t, make(chan time.Time, 1)}
			ready = append(ready, w)
			wg.Go(func() {
				if _, err := watch.WaitTask(ctx, &pb.WaitTaskRequest{Id: t.GetId(), WaitSeconds: 60}); err != nil && ctx.Err() == nil {
					b.Error(err)
				}
				w.answered <- time.Now()
			})
		}
	}
	add(waiters)
	m.until("all wait", func() bool { return m.metric("rowlock_task_waiters") == waiters })
	var took []time.Duration
	for b.Loop() {
		w := ready[0]
		ready = ready[1:]
		if _, err := m.workers.Complete(ctx, &pb.CompleteRequest{TaskId: w.leased.GetId(), Token: w.leased.GetToken()}); err != nil {
			b.Fatal(fmt.Errorf("complete: %w", err))
		}
		completed := time.Now()
		took = append(took, max((<-w.answered).Sub(completed), 0))
		b.StopTimer()
		add(1)
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	cancel()
	wg.Wait()
}
