package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// plainGraph draws a graph of tasks that nothing but their parents holds back.
func (r random) plainGraph() task.Command {
	c := &task.EnqueueGraph{}
	for i := range r.number("members", 2, 7) {
		n := task.NewTask{Queue: "q", Kind: "a", Ref: string(rune('a' + i)), MaxAttempts: 1}
		n.OnParentFailure = some(r, "on parent failure", task.ParentFailureDeadLetter, task.ParentFailureCancel)
		for range min(i, r.number("edges within", 0, 3)) {
			n.Edges = append(n.Edges, task.Edge{Member: uint32(r.number("member", 1, i)), When: r.when()})
		}
		c.Tasks = append(c.Tasks, n)
	}
	return c
}

// plainChild draws a task that depends on any others, as a proposer would who has looked a moment ago.
func (r random) plainChild() task.Command {
	n := task.NewTask{Queue: "q", Kind: "a"}
	for range r.number("edges", 1, 3) {
		id := task.ID(r.number("parent", 1, max(int(r.m.lastID), 1)))
		n.Edges = append(n.Edges, task.Edge{Parent: id, When: r.when()})
		if f, ok := r.m.finished[id]; ok {
			n.Ended = append(n.Ended, task.ParentOutcome{ID: id, Ref: f.Ref, State: f.State, Result: f.Result})
		}
	}
	return &task.Enqueue{Tasks: []task.NewTask{n}}
}

// work draws the ends of some of what runs.
func (r random) work() task.Command {
	c := &task.Finish{}
	for _, l := range r.m.liveWhere(func(t *modelTask) bool { return t.State == task.Running }) {
		o := task.Outcome{ID: l.ID, Token: l.Token, Data: []byte(some(r, "data", "", "result", string(make([]byte, 1<<10))))}
		switch r.number("end", 0, 4) {
		case 0:
			continue
		case 1:
			o.Kind = task.OutcomeFailPermanent
		}
		c.Outcomes = append(c.Outcomes, o)
	}
	return c
}

// TestGraphs drives graphs to their ends, with failures, retries, deletions, cancelled workflows and restarts.
func TestGraphs(t *testing.T) {
	seen := map[task.Reason]int{}
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(2)
		g.apply(t, 1, &task.RaiseFeatureLevel{Level: task.SupportedLevel}, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
		r := random{t, g.model}
		lease := func() task.Command { return &task.Lease{Session: 1, Max: uint32(r.number("max", 1, 5))} }
		draws := []func() task.Command{
			r.plainGraph, r.plainGraph, r.plainChild, lease, lease, r.work, r.work, r.tick, r.retry, r.delete, r.cancel, r.cancelWorkflow,
		}
		for range r.number("entries", 5, 40) {
			g.clock += second
			g.apply(t, 1, draws[r.number("command", 0, len(draws)-1)]())
			if r.number("goes on", 0, 1) == 0 {
				g.apply(t, 1, lease())
				g.apply(t, 1, r.work(), &task.Tick{})
			}
			saving := g.replicas[1]
			switch r.number("then", 0, 5) {
			case 0:
				if err := saving.checkpointStep(r.number("max", 1, 3), 0); err != nil {
					t.Fatalf("checkpoint: %v", err)
				}
			case 1:
				if err := saving.restart(); err != nil {
					t.Fatalf("restart: %v", err)
				}
			}
			g.check(t)
		}
		for _, f := range g.model.finished {
			if len(f.Parents) > 0 {
				seen[f.Reason]++
			}
		}
	})
	t.Logf("children that ended, by reason: %v", seen)
}
