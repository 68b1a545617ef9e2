package task_test

import (
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// BenchmarkKeys is one task's lease and completion before a backlog of a million tasks that is held, spread over fair keys
// or singleton keys, with limits by key where the name says so.
func BenchmarkKeys(b *testing.B) {
	for _, c := range []struct {
		name     string
		keys     int
		newTask  func(key string) task.NewTask
		settings task.QueueSettings
		fields   task.SettingsField
	}{
		{"fair", 10_000, fairTask, task.QueueSettings{}, 0},
		{"limited", 10_000, fairTask, task.QueueSettings{KeyMaxRunning: 1, KeyRate: task.Rate{Tasks: 1, Per: second}}, task.FieldKeyMaxRunning | task.FieldKeyRate},
		{"singleton", 10_000, func(key string) task.NewTask {
			return task.NewTask{Queue: "q", Kind: "send", Payload: payload, Priority: 5, SingletonKey: key}
		}, task.QueueSettings{}, 0},
	} {
		b.Run(fmt.Sprintf("%s/keys=%d", c.name, c.keys), func(b *testing.B) {
			m, g := loaded(b, 0)
			apply(b, m, g, &task.RaiseFeatureLevel{Level: task.SupportedLevel}, &task.SetQueue{Queue: "q", Fields: c.fields, Settings: c.settings})
			next := 0
			fill := func() task.Command {
				e := &task.Enqueue{Tasks: make([]task.NewTask, batch)}
				for i := range e.Tasks {
					e.Tasks[i] = c.newTask(fmt.Sprintf("key-%d", next%c.keys))
					next++
				}
				return e
			}
			for range 1_000_000 / batch {
				apply(b, m, g, fill())
			}
			save(m)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%batch != 0 {
					continue
				}
				g.clock += second / 50
				leased := apply(b, m, g, &task.Lease{Session: 1, Max: batch})[0].Leased
				if len(leased) != batch {
					b.Fatalf("leased %d of %d", len(leased), batch)
				}
				finish := &task.Finish{Outcomes: make([]task.Outcome, len(leased))}
				for i, l := range leased {
					finish.Outcomes[i] = task.Outcome{ID: l.ID, Token: l.Token, Session: 1}
				}
				apply(b, m, g, finish, fill())
				if n%(500*batch) == 0 {
					b.StopTimer()
					save(m)
					b.StartTimer()
				}
			}
		})
	}
}

func fairTask(key string) task.NewTask {
	return task.NewTask{Queue: "q", Kind: "send", Payload: payload, Priority: 5, FairKey: key}
}
