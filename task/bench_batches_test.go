package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkBatchOfMillion is one task's life, enqueue, lease and completion, in a batch of a million, against that of a plain
// task: what a batch costs each of its tasks.
func BenchmarkBatchOfMillion(b *testing.B) {
	for _, member := range []bool{false, true} {
		name := "plain"
		if member {
			name = "member"
		}
		b.Run(name, func(b *testing.B) {
			m, g := loaded(b, 0)
			c := enqueueBatch()
			if member {
				id := apply(b, m, g, &task.RaiseFeatureLevel{Level: 3}, &task.CreateBatch{})[1].Items[0].ID
				for i := range c.(*task.Enqueue).Tasks {
					c.(*task.Enqueue).Tasks[i].Batch = id
				}
			}
			for range 1_000_000 / batch {
				apply(b, m, g, c)
			}
			save(m)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%batch != 0 {
					continue
				}
				leased := apply(b, m, g, &task.Lease{Session: 1, Max: batch})[0].Leased
				finish := &task.Finish{Outcomes: make([]task.Outcome, len(leased))}
				for i, l := range leased {
					finish.Outcomes[i] = task.Outcome{ID: l.ID, Token: l.Token, Session: 1}
				}
				apply(b, m, g, finish, c)
				if n%(500*batch) == 0 {
					b.StopTimer()
					save(m)
					b.StartTimer()
				}
			}
		})
	}
}
