package task_test

import (
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// modelEvents is how many events the replicas of the tests keep: few, so that some get lost.
const modelEvents = 64

// tell notes an event of a task, as it is now.
func (m *model) tell(t *modelTask, e task.Event) {
	e.Position = task.Position{Index: m.index, Ordinal: m.ordinal}
	e.At, e.ID, e.Queue, e.TaskKind, e.Attempt, e.Failures = m.now, t.ID, t.Queue, t.Kind, t.Attempt, t.Failures
	m.ordinal++
	m.events = append(m.events, e)
}

// changed notes that a task came to its state from another.
func (m *model) changed(t *modelTask, from task.State) {
	m.tell(t, task.Event{From: from, To: t.State, Reason: t.Reason})
}

// into gives a task another queue.
func (m *model) into(t *modelTask, q *modelQueue) {
	from := t.Queue
	t.Queue, t.QueueNumber = q.Name, q.Number
	m.tell(t, task.Event{Kind: task.EventMoved, FromQueue: from, From: t.State, To: t.State, Reason: t.Reason})
}

// compareEvents holds what a replica tells of events against the model: from the beginning of an entry, and from positions
// that it may have lost.
func compareEvents(t reporter, r *replica, m *model) {
	t.Helper()
	m.compareFrom(t, r, &task.EventFilter{Progress: true}, task.EndOf(m.index-1))
	m.compareFrom(t, r, &task.EventFilter{Progress: true}, task.Position{Index: m.index, Ordinal: 1})
	m.compareFrom(t, r, &task.EventFilter{Progress: true}, task.EndOf(r.machine.EventsSince()))
	for _, f := range []task.EventFilter{
		{Queue: "q"}, {TaskKind: "b", States: []task.State{task.Pending, task.DeadLetter}}, {Queue: "no such queue"},
		{IDs: map[task.ID]struct{}{m.lastID: {}, m.lastID / 2: {}}, Progress: true},
	} {
		m.compareFrom(t, r, &f, task.EndOf(m.index-min(m.index, 8)))
	}
}

func (m *model) compareFrom(t reporter, r *replica, f *task.EventFilter, after task.Position) {
	t.Helper()
	var got []task.Event
	for at := after; ; {
		page, next, err := r.machine.Events(f, at, 3, 5)
		if err != nil {
			newer := slices.IndexFunc(m.events, func(e task.Event) bool { return after.Before(e.Position) })
			if at == after && (after.Before(task.EndOf(r.machine.EventsSince())) || newer >= 0 && len(m.events)-newer >= modelEvents) {
				return // it may have lost them
			}
			t.Fatalf("events after %v are lost at %v, which begin at %v: %v", after, at, r.machine.EventsSince(), err)
		}
		got = append(got, page...)
		if next == at || next == task.EndOf(m.index) {
			break
		}
		if !at.Before(next) {
			t.Fatalf("events after %v go on at %v", at, next)
		}
		at = next
	}
	var want []task.Event
	for _, e := range m.events {
		if after.Before(e.Position) && wanted(f, e) {
			want = append(want, e)
		}
	}
	same(t, fmt.Sprintf("events after %v of %+v", after, f), got, want)
}

// wanted says what each field of an event filter means.
func wanted(f *task.EventFilter, e task.Event) bool {
	_, named := f.IDs[e.ID]
	return (f.IDs == nil || named) &&
		(f.Queue == "" || e.Queue == f.Queue || e.FromQueue == f.Queue) &&
		(f.TaskKind == "" || e.TaskKind == f.TaskKind) &&
		(len(f.States) == 0 || slices.Contains(f.States, e.To)) &&
		(f.Progress || e.Kind != task.EventProgress)
}
