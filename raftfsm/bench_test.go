package raftfsm

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkPropose measures proposals of one enqueue of n tasks of 200 bytes by a number of callers, on a real disk.
func BenchmarkPropose(b *testing.B) {
	for _, x := range []struct{ callers, tasks int }{{1, 1}, {8, 1}, {64, 1}, {256, 1}, {1, 100}, {8, 100}, {8, 1000}} {
		b.Run(fmt.Sprintf("callers=%d/tasks=%d", x.callers, x.tasks), func(b *testing.B) {
			m := startReady(b, testConfig(b, b.TempDir()))
			payload := make([]byte, 200)
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error, x.callers)
			start := time.Now()
			b.ResetTimer()
			for range x.callers {
				go func() {
					for left.Add(-1) >= 0 {
						e := &task.Enqueue{Tasks: make([]task.NewTask, x.tasks)}
						for i := range e.Tasks {
							e.Tasks[i] = task.NewTask{Queue: "q", Kind: "k", Payload: payload, Priority: 5}
						}
						if _, err := m.Propose(b.Context(), e); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range x.callers {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*x.tasks)/time.Since(start).Seconds(), "tasks/s")
		})
	}
}

// BenchmarkSmall measures commands that change next to nothing: what the way through the log costs.
func BenchmarkSmall(b *testing.B) {
	for _, callers := range []int{1, 64, 1024} {
		for _, commands := range []int{1, 100} {
			b.Run(fmt.Sprintf("callers=%d/commands=%d", callers, commands), func(b *testing.B) {
				m := startReady(b, testConfig(b, b.TempDir()))
				cs := make([]task.Command, commands)
				for i := range cs {
					cs[i] = &task.Lease{Session: 1, Max: 1}
				}
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, callers)
				start := time.Now()
				b.ResetTimer()
				for range callers {
					go func() {
						answer := make(chan error, 1)
						for left.Add(-1) >= 0 {
							m.Submit(cs, true, func(_ []task.Result, err error) { answer <- err })
							if err := <-answer; err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range callers {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*commands)/time.Since(start).Seconds(), "commands/s")
			})
		}
	}
}
