package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Graph is tasks that depend on each other, to be enqueued together: up to 1,000 with up to 256 KiB of payloads in all.
type Graph struct {
	name  string
	tasks []graphTask
}

type graphTask struct {
	ref     string
	args    Args
	options []Option
}

// NewGraph returns a graph without tasks. The name is for people and may be empty.
func NewGraph(name string) *Graph { return &Graph{name: name} }

// Add adds a task under a name that is unique in the graph, of letters, digits, dots, underscores and hyphens. Its options say
// which others it depends on, added before or after it: After, AfterFailure and AfterEnd name tasks of the graph, DependsOn,
// DependsOnFailure and DependsOnEnd tasks that exist.
func (g *Graph) Add(ref string, args Args, options ...Option) *Graph {
	g.tasks = append(g.tasks, graphTask{ref, args, options})
	return g
}

// GraphReceipt says what became of a graph.
type GraphReceipt struct {
	// WorkflowID is the ID of its first task.
	WorkflowID string
	// TaskIDs are the tasks' IDs by the names that they have in the graph.
	TaskIDs map[string]string
}

// WorkflowState is how the tasks of a workflow are together.
type WorkflowState string

// The states.
const (
	WorkflowRunning   WorkflowState = "running"   // some haven't ended
	WorkflowCompleted WorkflowState = "completed" // all have ended, and none in the dead letter queue
	WorkflowFailed    WorkflowState = "failed"    // all have ended, some in the dead letter queue
	WorkflowCancelled WorkflowState = "cancelled" // all have ended, and somebody cancelled the workflow
)

// WorkflowInfo is a graph that was enqueued, with the counts of its tasks by state. It is remembered for 24 h after all of them
// have completed, or were cancelled or deleted.
type WorkflowInfo struct {
	ID         string        `json:"id"`
	Name       string        `json:"name,omitempty"`
	State      WorkflowState `json:"state"`
	Tasks      int           `json:"tasks"`
	Waiting    int           `json:"waiting"` // scheduled, blocked or pending
	Running    int           `json:"running"`
	Completed  int           `json:"completed"`
	Cancelled  int           `json:"cancelled"`
	DeadLetter int           `json:"dead_letter"`
	Deleted    int           `json:"deleted"`
	CreatedAt  time.Time     `json:"created_at,omitzero"`
	EndedAt    time.Time     `json:"ended_at,omitzero"` // when the last of its tasks completed, or was cancelled or deleted
	Cancelling bool          `json:"cancelling,omitempty"`
}

// Workflows is for enqueueing graphs, and for looking at and cancelling them.
type Workflows struct {
	service rowlockv1.WorkflowServiceClient
}

// Workflows returns the calls for workflows.
func (c *Client) Workflows() Workflows {
	return Workflows{rowlockv1.NewWorkflowServiceClient(c.Conn())}
}

// Enqueue hands a graph to the servers, which accept all of its tasks or none. When it returns without an error, they are
// durable. An error names the task and what is wrong with it: ErrInvalid for a cycle, an unknown name and the like, ErrExists for a
// unique key that is taken.
func (w Workflows) Enqueue(ctx context.Context, g *Graph) (GraphReceipt, error) {
	req := &rowlockv1.EnqueueGraphRequest{Name: g.name, RequestId: rand.Text()}
	for _, t := range g.tasks {
		built, err := build(t.args, t.options)
		if err != nil {
			return GraphReceipt{}, fmt.Errorf("task %q: %w", t.ref, err)
		}
		built.Ref = t.ref
		req.Tasks = append(req.Tasks, built)
	}
	resp, err := w.service.EnqueueGraph(ctx, req)
	if err != nil {
		return GraphReceipt{}, err
	}
	return GraphReceipt{WorkflowID: resp.GetWorkflowId(), TaskIDs: resp.GetTaskIds()}, nil
}

// Get returns a workflow; ErrNotFound if there is none, or it ended long ago.
func (w Workflows) Get(ctx context.Context, id string) (*WorkflowInfo, error) {
	resp, err := w.service.GetWorkflow(ctx, &rowlockv1.GetWorkflowRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return workflowOf(resp.GetWorkflow()), nil
}

// Tasks returns the tasks of a workflow, parents before children, without payloads and results; not those that were deleted, or
// that the history has dropped.
func (w Workflows) Tasks(ctx context.Context, id string) ([]*TaskInfo, error) {
	resp, err := w.service.GetWorkflow(ctx, &rowlockv1.GetWorkflowRequest{Id: id, WithTasks: true})
	if err != nil {
		return nil, err
	}
	tasks := make([]*TaskInfo, 0, len(resp.GetTasks()))
	for _, t := range resp.GetTasks() {
		tasks = append(tasks, taskOf(t))
	}
	return tasks, nil
}

// Page returns up to limit workflows (1 to 1,000; 100 where zero), the newest first, and the cursor of the next page; "" after the
// last.
func (w Workflows) Page(ctx context.Context, cursor string, limit int) ([]*WorkflowInfo, string, error) {
	resp, err := w.service.ListWorkflows(ctx, &rowlockv1.ListWorkflowsRequest{Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	list := make([]*WorkflowInfo, 0, len(resp.GetWorkflows()))
	for _, p := range resp.GetWorkflows() {
		list = append(list, workflowOf(p))
	}
	return list, resp.GetNextCursor(), nil
}

// List goes through all workflows, the newest first. It ends after the first error.
func (w Workflows) List(ctx context.Context) iter.Seq2[*WorkflowInfo, error] {
	return pages("", func(cursor string) ([]*WorkflowInfo, string, error) { return w.Page(ctx, cursor, 0) })
}

// Cancel cancels the tasks of a workflow that haven't ended, and returns their number. It goes on when Cancel has returned. Dead
// letters stay.
func (w Workflows) Cancel(ctx context.Context, id string) (int, error) {
	resp, err := w.service.CancelWorkflow(ctx, &rowlockv1.CancelWorkflowRequest{Id: id, RequestId: rand.Text()})
	return int(resp.GetTasks()), err
}

func workflowOf(p *rowlockv1.Workflow) *WorkflowInfo {
	c := p.GetCounts()
	return &WorkflowInfo{
		ID: p.GetId(), Name: p.GetName(), State: WorkflowState(p.GetState().String()), Tasks: int(p.GetTasks()),
		Waiting: int(c.GetWaiting()), Running: int(c.GetRunning()), Completed: int(c.GetCompleted()), Cancelled: int(c.GetCancelled()),
		DeadLetter: int(c.GetDeadLetter()), Deleted: int(c.GetDeleted()),
		CreatedAt: at(p.GetCreatedAt()), EndedAt: at(p.GetEndedAt()), Cancelling: p.GetCancelling(),
	}
}
