package task_test

import "github.com/rowlock/rowlock/task"

func (m *model) noteArchived(c *task.NoteArchived) task.Result {
	if c.Index == 0 || c.Index < m.archived.Index {
		return task.Result{Code: task.Invalid}
	}
	m.archived = task.Archived{Index: c.Index, At: m.now}
	return task.Result{}
}

func (r random) noteArchived() task.Command {
	return &task.NoteArchived{Index: uint64(r.number("archived", 0, int(r.m.archived.Index)+2))}
}
