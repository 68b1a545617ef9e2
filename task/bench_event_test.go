package task_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkEvents is what keeping events costs: a task's enqueue, lease and completion with and without, in turns, so that a
// busy host hits both alike. Reported is the first quartile of each, in ns a task.
func BenchmarkEvents(b *testing.B) {
	names := [2]string{"none-ns/task", "kept-ns/task"}
	var took [2][]time.Duration
	var sides [2]*task.Machine
	g := &group{clock: start}
	for i := range sides {
		sides[i] = task.NewMachine()
		sides[i].KeepEvents(i<<18, 0)
		apply(b, sides[i], g, &task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	}
	entry := func(m *task.Machine, c task.Command) (time.Duration, []task.Result) {
		_, e := g.encode([]task.Command{c})
		m.BeginEntry(g.entries)
		begin := time.Now()
		results, _, err := m.Apply(1, e, true)
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(begin), results
	}
	for n := 0; b.Loop(); n++ {
		i := n % 2
		m := sides[i]
		enqueued, _ := entry(m, enqueueBatch())
		leased, results := entry(m, &task.Lease{Session: 1, Max: batch})
		finish := &task.Finish{}
		for _, l := range results[0].Leased {
			finish.Outcomes = append(finish.Outcomes, task.Outcome{ID: l.ID, Token: l.Token, Session: 1})
		}
		finished, _ := entry(m, finish)
		took[i] = append(took[i], enqueued+leased+finished)
		if n%500 < 2 {
			save(m)
		}
	}
	for i, name := range names {
		warm := took[i][len(took[i])/3:] // the ring has been filled once by then
		if slices.Sort(warm); len(warm) > 0 {
			b.ReportMetric(float64(warm[len(warm)/4])/batch, name)
		}
	}
}
