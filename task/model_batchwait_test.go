package task_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// tighten gives a queue a quota that is soon exhausted, or lifts it.
func (r random) tighten() task.Command {
	return &task.SetQueue{
		Queue: some(r, "queue", queueNames...), Fields: task.FieldMaxTasks | task.FieldMaxBytes,
		Settings: task.QueueSettings{MaxTasks: some(r, "tasks", uint64(0), 1, 1, 2, 3), MaxBytes: some(r, "bytes", uint64(0), 0, 20, 50)},
	}
}

// closeOpen closes a batch that is open.
func (r random) closeOpen() task.Command {
	for _, id := range slices.Sorted(maps.Keys(r.m.batches)) {
		if r.m.batches[id].ClosedAt == 0 {
			return &task.CloseBatch{ID: id}
		}
	}
	return r.createBatch()
}

// finishWell completes what runs.
func (r random) finishWell() task.Command {
	c := &task.Finish{}
	for _, t := range r.m.liveWhere(func(t *modelTask) bool { return t.State == task.Running }) {
		c.Outcomes = append(c.Outcomes, task.Outcome{ID: t.ID, Token: t.Token})
	}
	return c
}

// refused counts the callbacks that wait for their queue.
func (m *model) refusedCallbacks() (n int) {
	for _, b := range m.batches {
		for _, c := range b.Callbacks {
			n += b2i(c.State == task.CallbackRefused && (c.Code == task.QueueFull || c.Code == task.Draining))
		}
	}
	return n
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestWaitingCallbacks has callbacks refused by queues that are full or drained, makes room in all ways there are, and restarts a replica in
// between: it must call back in the same order as the one that remembers.
func TestWaitingCallbacks(t *testing.T) {
	var refused, came int
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(2)
		served := []task.QueueWeight{{Queue: "q", Weight: 1}, {Queue: "r", Weight: 1}, {Queue: "s", Weight: 1}}
		g.apply(t, 1, &task.RaiseFeatureLevel{Level: task.SupportedLevel}, &task.OpenSession{Worker: "w", Queues: served},
			&task.SetQueue{Queue: "q", Fields: task.FieldMaxTasks, Settings: task.QueueSettings{MaxTasks: 1}},
			&task.SetQueueMode{Queue: "r", Mode: task.QueueDraining})
		r := random{t, g.model}
		lease := func() task.Command { return &task.Lease{Session: 1, Max: uint32(r.number("max", 1, 3))} }
		draws := []func() task.Command{
			r.createBatch, r.createBatch, r.createBatch, r.closeOpen, r.closeOpen, r.closeOpen, r.closeOpen, r.enqueue, r.tighten, r.tighten, r.tighten, r.setMode, r.setMode,
			lease, lease, r.finishWell, r.finish, r.cancel, r.delete, r.move, r.purge, r.retry, r.tick, r.cancelBatch, r.resumeCluster,
		}
		for range r.number("entries", 5, 25) {
			g.clock += some(r, "clock goes on", 0, 0, second, 20*second)
			before := g.model.refusedCallbacks()
			g.apply(t, 1, draws[r.number("command", 0, len(draws)-1)]())
			after := g.model.refusedCallbacks()
			refused, came = refused+max(after-before, 0), came+max(before-after, 0)
			switch r.number("then", 0, 7) {
			case 0:
				if err := g.replicas[1].checkpointStep(r.number("max", 1, 3), 0); err != nil {
					t.Fatalf("checkpoint: %v", err)
				}
			case 1:
				if err := g.replicas[1].restart(); err != nil {
					t.Fatalf("restart: %v", err)
				}
			case 2:
				if err := g.replicas[1].checkpoint(); err != nil {
					t.Fatalf("checkpoint: %v", err)
				}
				if err := g.replicas[1].restart(); err != nil {
					t.Fatalf("restart: %v", err)
				}
			}
			g.check(t)
		}
	})
	t.Logf("%d callbacks were refused, %d came later", refused, came)
}
