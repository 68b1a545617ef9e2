package task_test

import "github.com/rowlock/rowlock/task"

// importCommand makes the command of a line, with what its proposer finds at this moment: import N QUEUE [KIND] state=… reason=…
// attempt=… failures=… died=… enqueued=… expires=… at=… origin=… key=… after=… payload=… [replace] [blind]. One that is blind has
// looked before everything.
func (s *stage) importCommand(a *arguments) task.Command {
	s.flush()
	t := task.ImportedTask{
		ID: task.ID(a.parseNumber(a.word())), State: task.Pending,
		EnqueuedAt: a.time("enqueued"), ExpiresAt: a.time("expires"), DiedAt: a.time("died"),
		Attempt: uint16(a.number("attempt")), Failures: uint16(a.number("failures")), Origin: a.value("origin"),
		NewTask: task.NewTask{
			Queue: a.word(), Kind: a.word(), Priority: 5, Payload: []byte(a.value("payload")), RunAt: a.time("at"),
			UniqueKey: a.value("key"), UniqueWindow: a.duration("window"),
		},
	}
	if name := a.value("state"); name != "" {
		for st := range task.DeadLetter + 1 {
			if st.String() == name {
				t.State = st
			}
		}
	}
	if name := a.value("reason"); name != "" {
		t.Reason, _ = task.ParseReason(name)
	}
	for _, id := range a.parseIDs(a.list("after")) {
		t.Edges = append(t.Edges, task.Edge{Parent: id})
		if f, ok := s.model.finished[id]; ok {
			t.Ended = append(t.Ended, task.ParentOutcome{ID: id, State: f.State, Result: f.Result})
		} else if s.model.live[id] == nil {
			t.Ended = append(t.Ended, task.ParentOutcome{ID: id})
		}
	}
	c := &task.ImportTasks{Replace: a.flag("replace"), Next: s.model.lastID + 1, Imports: s.model.imports}
	if a.flag("blind") {
		c.Next, c.Imports = 1, 0
	} else if live := s.model.live[t.ID]; live != nil {
		t.Found = live.State
	} else {
		t.Found = s.model.finished[t.ID].State
	}
	c.Tasks = []task.ImportedTask{t}
	return c
}
