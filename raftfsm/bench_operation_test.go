package raftfsm

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// probe enqueues one task after the other, with a pause, until it is stopped; it returns the latencies in order.
func probe(b *testing.B, n *Node) (stop func() []time.Duration) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var took []time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			if _, err := n.Propose(ctx, enqueue("probe", 1)); err != nil {
				return
			}
			took = append(took, time.Since(start))
			pass(time.Millisecond)
		}
	})
	return func() []time.Duration {
		cancel()
		wg.Wait()
		slices.Sort(took)
		return took
	}
}

func reportLatency(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	if n := len(took); n > 0 {
		b.ReportMetric(float64(took[n/2].Microseconds())/1000, what+"-p50-ms")
		b.ReportMetric(float64(took[n*99/100].Microseconds())/1000, what+"-p99-ms")
		b.ReportMetric(float64(took[n-1].Microseconds())/1000, what+"-max-ms")
	}
}

// BenchmarkMillionDeadLetters groups a million dead letters, and then retries them all, while somebody enqueues single
// tasks. Run it with -benchtime 1x.
func BenchmarkMillionDeadLetters(b *testing.B) {
	const n = 1_000_000
	c := testConfig(b, b.TempDir())
	patient(&c)
	m := startReady(b, c)
	g := &group{t: b, members: []*member{m}}
	f := newFailing(g, "q")
	for i := range n / 1000 {
		g.insist(enqueue("q", 1000))
		f.work(1000, fmt.Sprintf("dial tcp 10.0.%d.7:5432: i/o timeout after %dms", i%256, i))
	}
	stop := probe(b, m.Node)
	pass(3 * time.Second)
	idle := stop()
	for b.Loop() {
		reportLatency(b, "idle", idle)
		stop = probe(b, m.Node)
		start, visited := time.Now(), 0
		prints := map[filter.Print]int{}
		for scan := (Scan{States: []task.State{task.DeadLetter}}); !scan.End; {
			var tasks []task.Task
			err := m.Read(b.Context(), true, func(v *View) (err error) {
				tasks, err = scan.Next(v)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			for i := range tasks {
				visited++
				prints[filter.Fingerprint(&tasks[i])]++
			}
		}
		b.ReportMetric(time.Since(start).Seconds(), "groups-s")
		reportLatency(b, "groups", stop())
		if visited != n || len(prints) != 1 {
			b.Fatalf("%d dead letters in %d groups", visited, len(prints))
		}
		stop = probe(b, m.Node)
		start = time.Now()
		op := g.insist(plan(task.OperationPlan{Action: task.OperationRetry, Queue: "q", Filter: `error.contains("timeout")`})).Items[0].ID
		for !g.operation(op).State.Ended() {
			pass(10 * time.Millisecond)
		}
		b.ReportMetric(time.Since(start).Seconds(), "retry-s")
		reportLatency(b, "retry", stop())
		if x := g.operation(op); x.Changed != n {
			b.Fatalf("%+v", x)
		}
	}
}
