package task_test

import "github.com/rowlock/rowlock/task"

// edges gives a task other dependencies than for success, now and then, and says what it does when a parent fails.
func (r random) edges(n *task.NewTask) {
	if r.number("edges", 0, 1) == 0 {
		return
	}
	n.OnParentFailure = some(r, "on parent failure", task.ParentFailureDeadLetter, task.ParentFailureCancel)
	for range r.number("more edges", 1, 2) {
		id := r.id("edge", task.Pending, task.Running, task.Scheduled, task.Blocked, task.DeadLetter)
		n.Edges = append(n.Edges, task.Edge{Parent: id, When: r.when()})
	}
	for _, e := range edgesOf(*n) {
		if f, ok := r.m.finished[e.Parent]; ok {
			n.Ended = append(n.Ended, task.ParentOutcome{ID: f.ID, Ref: f.Ref, State: f.State, Result: f.Result})
		}
	}
}

func (r random) when() task.EdgeWhen {
	return some(r, "when", task.OnSuccess, task.OnFailure, task.OnAny)
}

func (r random) enqueueGraph() task.Command {
	c := &task.EnqueueGraph{Name: some(r, "name", "", "nightly")}
	for i := range r.number("members", 1, 5) {
		n := r.newTask()
		n.Ref = string(rune('a' + i))
		for range r.number("edges within", 0, 2) {
			most := i
			if r.number("bad edge", 0, 30) == 0 {
				most = i + 1
			}
			if most > 0 {
				n.Edges = append(n.Edges, task.Edge{Member: uint32(r.number("member", 1, most)), When: r.when()})
			}
		}
		c.Tasks = append(c.Tasks, n)
	}
	return c
}

func (r random) cancelWorkflow() task.Command {
	if n := len(r.m.workflows); n > 0 && r.number("workflow is there", 0, 9) > 0 {
		return &task.CancelWorkflow{ID: r.m.workflows[r.number("workflow", 0, n-1)].id}
	}
	return &task.CancelWorkflow{ID: task.ID(r.number("workflow", 0, int(r.m.lastID)+1))}
}
