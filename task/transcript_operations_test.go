package task_test

import (
	"fmt"

	"github.com/rowlock/rowlock/task"
)

var operationActions = map[string]task.OperationAction{
	"cancel": task.OperationCancel, "retry": task.OperationRetry, "delete": task.OperationDelete,
}

// operationCommand reads what concerns bulk operations. A step's tasks are words, ID or ID:state; without a state it is the
// one that the task is in.
func (s *stage) operationCommand(a *arguments) task.Command {
	switch a.verb {
	case "start":
		p := task.OperationPlan{
			Action: operationActions[a.word()], Queue: a.value("queue"), Filter: a.value("filter"), Name: a.value("name"),
			Expected: a.number("expected"), Rate: uint32(a.number("rate")),
			CanaryWait: a.duration("canary"), CanaryFailures: uint16(a.number("failures")),
		}
		for _, name := range a.list("states") {
			p.States = append(p.States, stateOf(a, name))
		}
		return &task.StartOperation{Plan: p}
	case "abort":
		return &task.AbortOperation{ID: task.ID(a.parseNumber(a.word())), Why: a.value("why")}
	}
	s.flush()
	c := &task.StepOperation{ID: task.ID(a.parseNumber(a.word())), End: a.flag("end")}
	o, _ := s.machine().Operation(c.ID)
	c.From = o.Cursor
	if a.has("from") {
		c.From.A = a.number("from")
	}
	c.To = c.From
	if a.has("to") {
		c.To.A = a.number("to")
	}
	c.Visited = c.To.A - c.From.A
	for _, id := range a.ids() {
		t, ok := s.machine().Task(id)
		if !ok {
			t.State = task.Pending
		}
		c.Tasks = append(c.Tasks, task.OperationTask{ID: id, State: t.State, Queue: t.QueueNumber, Sequence: t.HistorySequence})
	}
	if a.has("as") {
		c.Tasks[0].State = stateOf(a, a.value("as"))
	}
	c.Failed = a.parseIDs(a.list("failed"))
	return c
}

func stateOf(a *arguments, name string) task.State {
	for s := task.Scheduled; s <= task.DeadLetter; s++ {
		if s.String() == name {
			return s
		}
	}
	a.t.Fatalf("%s: no such state", a.line)
	return task.None
}

func (s *stage) operation(id task.ID) {
	o, ok := s.machine().Operation(id)
	if !ok {
		s.printf("operation %d: not there", id)
		return
	}
	s.printf("operation %d: %s %s at %d: visited %d, matched %d, changed %d, skipped %d, failed %d",
		id, o.Action, o.State, o.Cursor.A, o.Visited, o.Matched, o.Changed, o.Skipped, o.Failed)
	if o.CanaryWait > 0 {
		line := fmt.Sprintf("  stage %d", o.Stage)
		if len(o.Canary) > 0 {
			line += ", canary " + idList(o.Canary)
		}
		if o.CanaryTasks > 0 {
			line += fmt.Sprintf("; %d of %d failed again", o.CanaryFailed, o.CanaryTasks)
		}
		s.printf("%s", line)
	}
	if o.NextAt > s.machine().Now() {
		s.printf("  goes on at %s", clock(o.NextAt))
	}
	for _, e := range o.Errors {
		s.printf("  task %d: %v", e.ID, e.Code)
	}
	if o.Why != "" {
		s.printf("  why: %s", o.Why)
	}
}
