package task_test

import (
	"github.com/rowlock/rowlock/task"
)

func (r random) startOperation() task.Command {
	p := task.OperationPlan{
		Action:   some(r, "action", task.OperationCancel, task.OperationRetry, task.OperationRetry, task.OperationDelete),
		Queue:    some(r, "queue", append(queueNames, "")...),
		Filter:   some(r, "filter", "", "true"),
		Name:     some(r, "name", "", "somebody"),
		Expected: uint64(some(r, "expected", 0, 250, 1_000_000)),
		Rate:     some(r, "rate", uint32(0), 1, 1000),
	}
	for _, s := range p.Action.Covers() {
		if s.Finished() == (r.number("of finished", 0, 5) == 5) {
			p.States = append(p.States, s)
		}
	}
	if p.Action == task.OperationRetry {
		p.CanaryWait = some(r, "canary wait", 0, second, hour)
		p.CanaryFailures = some(r, "canary failures", uint16(0), 500, 1000)
	}
	return &task.StartOperation{Plan: p}
}

// operationOf draws an operation, mostly one that hasn't ended; false: there is none.
func (r random) operationOf() (task.Operation, bool) {
	var fit []task.Operation
	for _, o := range r.m.operations {
		if !o.State.Ended() {
			fit = append(fit, *o)
		}
	}
	if len(fit) > 0 && r.number("operation fits", 0, 9) > 0 {
		return some(r, "operation", fit...), true
	}
	return task.Operation{ID: task.ID(r.number("operation", 0, int(r.m.lastID)+1)), Stage: 3}, false
}

// stepOperation draws a step as the leader proposes it, in whose tasks something has changed now and then.
func (r random) stepOperation() task.Command {
	o, _ := r.operationOf()
	c := &task.StepOperation{ID: o.ID, From: o.Cursor, To: o.Cursor}
	if r.number("stale step", 0, 9) == 0 {
		c.From.A++
	}
	if o.State == task.OperationWaiting {
		return c
	}
	c.End = r.number("end", 0, 5) == 0
	c.Visited = uint64(r.number("visited", 0, 3))
	c.To.A += c.Visited
	states := o.States
	if len(states) == 0 {
		states = []task.State{task.Pending}
	}
	for range r.number("tasks", 0, min(3, max(stageSize(&o)-len(o.Canary), 0)+r.number("too many", 0, 9)/9)) {
		id := r.id("task", states...)
		t := task.OperationTask{ID: id, State: some(r, "state", states...)}
		if live, ok := r.m.live[id]; ok && r.number("state is right", 0, 9) > 0 {
			t.State = live.State
		}
		if f, ok := r.m.finished[id]; ok && t.State.Finished() {
			t.Queue, t.Sequence = f.QueueNumber, f.HistorySequence
		}
		c.Tasks = append(c.Tasks, t)
	}
	c.Failed = rarely(r, 4, "failed", func() []task.ID { return r.ids("failed", states...) })
	return c
}

func (r random) abortOperation() task.Command {
	o, _ := r.operationOf()
	return &task.AbortOperation{ID: o.ID, Why: some(r, "why", "", "", "the filter can't be evaluated")}
}
