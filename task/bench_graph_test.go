package task_test

import (
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkFanOut is one child's share of what it takes to let 100,000 tasks go that wait for one: it completes, and Ticks tell
// its children.
func BenchmarkFanOut(b *testing.B) {
	const children = 100_000
	for b.Loop() {
		b.StopTimer()
		m, g := loaded(b, 0)
		apply(b, m, g, &task.RaiseFeatureLevel{Level: task.SupportedLevel}, &task.Enqueue{Tasks: []task.NewTask{{Queue: "q"}}})
		for n := 0; n < children; n += batch {
			c := enqueueBatch().(*task.Enqueue)
			for i := range c.Tasks {
				c.Tasks[i].DependsOn = []task.ID{1}
			}
			apply(b, m, g, c)
		}
		lease := apply(b, m, g, &task.Lease{Session: 1, Max: 1})
		done := &task.Finish{Outcomes: []task.Outcome{{ID: 1, Token: lease[0].Items[0].Other, Data: make([]byte, 64<<10)}}}
		b.StartTimer()
		apply(b, m, g, done)
		for ticks := 0; ; ticks++ {
			if at, due := m.NextTimer(); !due || at > m.Now() || ticks > children {
				break
			}
			apply(b, m, g, &task.Tick{})
		}
		if q, _ := m.Queue("q"); q.Live[task.Pending] != children {
			b.Fatalf("%d children are pending", q.Live[task.Pending])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/children, "ns/child")
}

// BenchmarkGraph is one task's share of a graph of 1,000: to accept it, and to run it through. In "chain" each task waits for
// the one before it, in "fan" all for the first.
func BenchmarkGraph(b *testing.B) {
	for _, shape := range []string{"chain", "fan"} {
		c := &task.EnqueueGraph{Name: "bench"}
		for i := range task.MaxGraphTasks {
			n := task.NewTask{Queue: "q", Kind: "step", Ref: fmt.Sprintf("step-%d", i), Payload: payload}
			if i > 0 && shape == "chain" {
				n.Edges = []task.Edge{{Member: uint32(i)}}
			} else if i > 0 {
				n.Edges = []task.Edge{{Member: 1}}
			}
			c.Tasks = append(c.Tasks, n)
		}
		b.Run(shape+"/accept", func(b *testing.B) {
			m, g := loaded(b, 0)
			for n := 0; b.Loop(); n++ {
				apply(b, m, g, c)
				if n%50 == 49 {
					b.StopTimer()
					m, g = loaded(b, 0)
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/task.MaxGraphTasks, "ns/task")
		})
		b.Run(shape+"/run", func(b *testing.B) {
			for b.Loop() {
				m, g := loaded(b, 0)
				apply(b, m, g, &task.RaiseFeatureLevel{Level: task.SupportedLevel}, c)
				for m.LiveTasks() > 0 {
					runOnce(b, m, g)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/task.MaxGraphTasks, "ns/task")
		})
	}
}

// runOnce leases what is pending, completes it, and lets a Tick tell the children.
func runOnce(b *testing.B, m *task.Machine, g *group) {
	b.Helper()
	done := &task.Finish{}
	for _, it := range apply(b, m, g, &task.Lease{Session: 1, Max: task.MaxGraphTasks})[0].Items {
		done.Outcomes = append(done.Outcomes, task.Outcome{ID: it.ID, Token: it.Other, Data: []byte("done")})
	}
	apply(b, m, g, done, &task.Tick{})
}
