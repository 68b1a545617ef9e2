package task_test

import (
	"math"
	"testing"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// TestBackoff lets a task fail again and again under backoffs of all sizes.
func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(1)
		b := task.Backoff{
			Initial:    rapid.Int64Range(0, 10*second).Draw(t, "initial"),
			Maximum:    rapid.Int64Range(0, 100*hour).Draw(t, "maximum"),
			Multiplier: rapid.Uint32().Draw(t, "multiplier"),
		}
		g.apply(t, 1,
			&task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}},
			&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Kind: "a", Backoff: b}}})
		for token := range uint64(8) {
			g.apply(t, 1, &task.Lease{Session: 1, Max: 1},
				&task.Finish{Outcomes: []task.Outcome{{ID: 1, Token: token + 1, Kind: task.OutcomeFail}}})
			g.check(t)
			g.clock = max(g.clock, g.model.live[1].RunAt)
			g.apply(t, 1, &task.Tick{})
		}
	})
}

// TestExtremes sends spans and times at the ends of their ranges: sums must not overflow.
func TestExtremes(t *testing.T) {
	g := &direct{&group{clock: start, replicas: []*replica{newReplica()}}, t}
	forever := task.NewTask{
		Queue: "q", Kind: "a", Delay: math.MaxInt64, Timeout: math.MaxInt64, TTL: math.MaxInt64, UniqueKey: "k",
		UniqueWindow: math.MaxInt64, Backoff: task.Backoff{Initial: math.MaxInt64, Maximum: math.MaxInt64, Multiplier: math.MaxUint32},
	}
	g.enqueue(1, forever)
	v, _ := g.machine().Task(1)
	same(t, "state of a task that is delayed for ever", v.State, task.Scheduled)
	g.do(&task.Retry{IDs: []task.ID{1}}, &task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}},
		&task.Lease{Session: 1, Max: math.MaxUint32})
	if v, _ = g.machine().Task(1); v.State != task.Running || v.Deadline <= v.StartedAt {
		t.Fatalf("the longest timeout ends at %d, began at %d (%v)", v.Deadline, v.StartedAt, v.State)
	}
	for range 3 {
		g.do(&task.Finish{Outcomes: []task.Outcome{{ID: 1, Token: v.Token, Kind: task.OutcomeFail, Delay: math.MaxInt64}}})
		failed, _ := g.machine().Task(1)
		same(t, "state after a failure with the longest backoff", failed.State, task.Scheduled)
		g.do(&task.Retry{IDs: []task.ID{1}}, &task.Lease{Session: 1, Max: 1})
		v, _ = g.machine().Task(1)
	}
	g.do(&task.Finish{Outcomes: []task.Outcome{{ID: 1, Token: v.Token, Kind: task.OutcomeSnooze, Delay: math.MaxInt64}}})
	g.do(&task.Reschedule{ID: 1, Delay: math.MaxInt64, Priority: task.KeepPriority})
	g.do(&task.Reschedule{ID: 1, RunAt: math.MinInt64, Priority: task.KeepPriority}, &task.Tick{})
	g.enqueue(1, task.NewTask{Queue: "q", Kind: "a", RunAt: math.MinInt64, Delay: math.MinInt64, TTL: math.MinInt64, Timeout: math.MinInt64})
	v, _ = g.machine().Task(2)
	same(t, "state of a task whose time has come long ago", v.State, task.Pending)
	if err := g.replicas[0].checkpoint(); err != nil {
		t.Fatal(err)
	}
	hash := g.machine().Hash()
	if err := g.replicas[0].restart(); err != nil {
		t.Fatal(err)
	}
	same(t, "state hash after loading", g.machine().Hash(), hash)
}
