package raftfsm

import "github.com/rowlock/rowlock/task"

// StateOf is the state of a task, live or finished, without reading more of it than that needs; None: there is none, or its history
// has been dropped.
func (v *View) StateOf(id task.ID) (task.State, error) {
	if s := v.LiveState(id); s != task.None {
		return s, nil
	}
	t, _, err := v.Task(id)
	return t.State, err
}
