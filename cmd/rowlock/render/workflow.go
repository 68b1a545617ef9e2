package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Workflow is a graph of tasks as programs see it.
type Workflow struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	State      string     `json:"state"`
	Tasks      uint32     `json:"tasks"`
	Waiting    uint32     `json:"waiting"`
	Running    uint32     `json:"running"`
	Completed  uint32     `json:"completed"`
	Cancelled  uint32     `json:"cancelled"`
	DeadLetter uint32     `json:"dead_letter"`
	Deleted    uint32     `json:"deleted"`
	CreatedAt  *time.Time `json:"created_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Cancelling bool       `json:"cancelling,omitempty"`
}

// WorkflowTree is a workflow with its tasks.
type WorkflowTree struct {
	Workflow
	*Tree
}

// NewWorkflow renders the API's workflow.
func NewWorkflow(w *rowlockv1.Workflow) Workflow {
	c := w.GetCounts()
	return Workflow{
		ID: w.GetId(), Name: w.GetName(), State: w.GetState().String(), Tasks: w.GetTasks(),
		Waiting: c.GetWaiting(), Running: c.GetRunning(), Completed: c.GetCompleted(), Cancelled: c.GetCancelled(),
		DeadLetter: c.GetDeadLetter(), Deleted: c.GetDeleted(),
		CreatedAt: stamp(w.GetCreatedAt()), EndedAt: stamp(w.GetEndedAt()), Cancelling: w.GetCancelling(),
	}
}

// NewWorkflows renders a page.
func NewWorkflows(ws []*rowlockv1.Workflow) []Workflow {
	list := make([]Workflow, len(ws))
	for i, w := range ws {
		list[i] = NewWorkflow(w)
	}
	return list
}

// Workflows shows workflows to people.
func Workflows(now time.Time) func(*Table, []Workflow) {
	return func(t *Table, page []Workflow) {
		t.Head("id", "name", "state", "tasks", "waiting", "running", "completed", "cancelled", "dead letter", "age")
		for _, w := range page {
			t.Row(w.ID, orDash(w.Name), w.state(), w.Tasks, w.Waiting, w.Running, w.Completed, w.Cancelled, w.DeadLetter, age(w.CreatedAt, now))
		}
	}
}

func (w Workflow) state() string {
	if w.Cancelling {
		return "cancelling"
	}
	return w.State
}

// Table shows one workflow to people.
func (w Workflow) Table(t *Table, now time.Time) {
	t.Pair("id", w.ID)
	t.Pair("name", w.Name)
	t.Pair("state", w.state())
	var counts []string
	for _, n := range []struct {
		name  string
		value uint32
	}{
		{"waiting", w.Waiting}, {"running", w.Running}, {"completed", w.Completed}, {"cancelled", w.Cancelled},
		{"in the dead letter queue", w.DeadLetter}, {"deleted", w.Deleted},
	} {
		if n.value > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n.value, n.name))
		}
	}
	t.Pair("tasks", fmt.Sprintf("%d: %s", w.Tasks, strings.Join(counts, ", ")))
	t.Pair("created", Clock(w.CreatedAt, now))
	t.Pair("ended", Clock(w.EndedAt, now))
}

// Submitted is a graph that was accepted.
type Submitted struct {
	WorkflowID string            `json:"workflow_id"`
	TaskIDs    map[string]string `json:"task_ids"`
}

// Table shows people the tasks' IDs.
func (s Submitted) Table(t *Table) {
	refs := slices.SortedFunc(maps.Keys(s.TaskIDs), func(a, b string) int { return strings.Compare(s.TaskIDs[a], s.TaskIDs[b]) })
	t.Head("ref", "task")
	for _, ref := range refs {
		t.Row(ref, s.TaskIDs[ref])
	}
}
