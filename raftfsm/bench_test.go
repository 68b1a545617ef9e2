package raftfsm

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// drive calls fn b.N times from a number of callers and reports the rate of what each call carries, and the median and
// the 99th percentile of the calls' times.
func drive(b *testing.B, callers, carries int, fn func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	type outcome struct {
		times []time.Duration
		err   error
	}
	done := make(chan outcome, callers)
	start := time.Now()
	b.ResetTimer()
	for range callers {
		go func() {
			var o outcome
			for left.Add(-1) >= 0 && o.err == nil {
				begin := time.Now()
				o.err = fn()
				o.times = append(o.times, time.Since(begin))
			}
			done <- o
		}()
	}
	var times []time.Duration
	for range callers {
		o := <-done
		if o.err != nil {
			b.Fatal(o.err)
		}
		times = append(times, o.times...)
	}
	b.ReportMetric(float64(b.N*carries)/time.Since(start).Seconds(), "per_s")
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2].Seconds()*1000, "p50_ms")
	b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "p99_ms")
}

// BenchmarkPropose measures proposals of one enqueue of n tasks of 200 bytes by a number of callers, on a real disk.
func BenchmarkPropose(b *testing.B) {
	for _, x := range []struct{ callers, tasks int }{{1, 1}, {8, 1}, {64, 1}, {256, 1}, {1, 100}, {8, 100}, {8, 1000}} {
		b.Run(fmt.Sprintf("callers=%d/tasks=%d", x.callers, x.tasks), func(b *testing.B) {
			m := startReady(b, testConfig(b, b.TempDir()))
			payload := make([]byte, 200)
			drive(b, x.callers, x.tasks, func() error {
				e := &task.Enqueue{Tasks: make([]task.NewTask, x.tasks)}
				for i := range e.Tasks {
					e.Tasks[i] = task.NewTask{Queue: "q", Kind: "k", Payload: payload, Priority: 5}
				}
				_, err := m.Propose(b.Context(), e)
				return err
			})
		})
	}
}

// BenchmarkSmall measures commands that change next to nothing: what the way through the log costs.
func BenchmarkSmall(b *testing.B) {
	for _, x := range []struct{ callers, commands int }{{1, 1}, {64, 1}, {1024, 1}, {64, 100}} {
		b.Run(fmt.Sprintf("callers=%d/commands=%d", x.callers, x.commands), func(b *testing.B) {
			m := startReady(b, testConfig(b, b.TempDir()))
			cs := make([]task.Command, x.commands)
			for i := range cs {
				cs[i] = &task.Lease{Session: 1, Max: 1}
			}
			drive(b, x.callers, x.commands, func() error {
				answer := make(chan error, 1)
				m.Submit(cs, true, func(_ []task.Result, err error) { answer <- err })
				return <-answer
			})
		})
	}
}

// BenchmarkRead measures linearizable reads of one task.
func BenchmarkRead(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			m := startReady(b, testConfig(b, b.TempDir()))
			id := propose(b, m.Node, enqueue("q", 1)).Items[0].ID
			drive(b, callers, 1, func() error {
				return m.Read(b.Context(), false, func(v *View) error {
					_, _, err := v.Task(id)
					return err
				})
			})
		})
	}
}
