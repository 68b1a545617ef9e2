package raftfsm

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkVacuum vacuums a state file of ROWLOCK_BENCH_VACUUM_MB (64) megabytes, of which half is free, and the log, while 8
// callers enqueue one task of 200 bytes each at a time, and reports how long an acknowledged write took at most, and at the 99th
// percentile, without and with the vacuum:
//
//	ROWLOCK_BENCH_VACUUM_MB=1024 go test ./raftfsm -run '^$' -bench BenchmarkVacuum -benchtime 1x -timeout 20m
func BenchmarkVacuum(b *testing.B) {
	megabytes := 64
	if s := os.Getenv("ROWLOCK_BENCH_VACUUM_MB"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		megabytes = n
	}
	for b.Loop() {
		c := testConfig(b, b.TempDir())
		c.Raft.HungDisk = 10 * time.Minute // to fill the file, a shared machine may take its time
		m := startReady(b, c)
		fillState(b, m, megabytes)
		b.ReportMetric(float64(m.Status().StateBytes)/(1<<20), "MiB-before")
		quiet := underLoad(b, m, func() { pass(10 * time.Second) })
		var state, log VacuumResult
		start := time.Now()
		busy := underLoad(b, m, func() {
			var err error
			if state, err = m.Vacuum(context.Background(), StateFile, VacuumOptions{}); err != nil {
				b.Error(err)
			}
			if log, err = m.Vacuum(context.Background(), LogFile, VacuumOptions{}); err != nil {
				b.Error(err)
			}
		})
		b.ReportMetric(time.Since(start).Seconds(), "s-vacuum")
		b.ReportMetric(float64(state.After)/(1<<20), "MiB-after")
		b.ReportMetric(float64(state.Held.Microseconds())/1000, "ms-state-held")
		b.ReportMetric(float64(log.Held.Microseconds())/1000, "ms-log-held")
		report(b, "quiet", quiet)
		report(b, "vacuum", busy)
		m.close(b)
	}
}

func report(b *testing.B, name string, took []time.Duration) {
	if len(took) == 0 {
		b.Fatalf("no write was acknowledged: %s", name)
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took)), "writes-"+name)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99-"+name)
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-max-"+name)
}

// fillState enqueues so many megabytes of tasks and deletes every other one.
func fillState(b *testing.B, m *member, megabytes int) {
	payload := make([]byte, 1000)
	var gone []task.ID
	for range megabytes {
		e := &task.Enqueue{}
		for range 400 {
			e.Tasks = append(e.Tasks, task.NewTask{Queue: "full", Payload: payload})
		}
		for range 3 {
			for i, item := range propose(b, m.Node, e).Items {
				if i%2 == 0 {
					gone = append(gone, item.ID)
				}
			}
		}
		if err := m.checkpoints.take(nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := m.checkpoints.take(nil); err != nil {
		b.Fatal(err)
	}
	for ids := range slices.Chunk(gone, 4000) {
		propose(b, m.Node, &task.Delete{IDs: ids})
	}
	if err := m.checkpoints.take(nil); err != nil {
		b.Fatal(err)
	}
}

// underLoad enqueues while fn runs, and returns how long each write took.
func underLoad(b *testing.B, m *member, fn func()) (took []time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			var own []time.Duration
			e := &task.Enqueue{Tasks: []task.NewTask{{Queue: "load", Payload: make([]byte, 200)}}}
			for ctx.Err() == nil {
				start := time.Now()
				if _, err := m.Propose(context.Background(), e); err != nil {
					b.Error(err)
					break
				}
				own = append(own, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	fn()
	stop()
	callers.Wait()
	return took
}
