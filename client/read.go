package client

import (
	"context"
	"iter"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// ReadOption changes how a task is read.
type ReadOption func(*rowlockv1.GetTaskRequest)

// Stale answers from the state of whichever member is asked, which may lag behind.
func Stale() ReadOption { return func(r *rowlockv1.GetTaskRequest) { r.Stale = true } }

// OmitPayload leaves out the payload and the result.
func OmitPayload() ReadOption { return func(r *rowlockv1.GetTaskRequest) { r.OmitPayload = true } }

// Get returns a task, live or finished; ErrNotFound if there is none.
func (c *Client) Get(ctx context.Context, id string, options ...ReadOption) (*TaskInfo, error) {
	t, _, err := c.GetAt(ctx, id, options...)
	return t, err
}

// GetAt is Get, with the position from which a Watch goes on: it tells what happened after this answer.
func (c *Client) GetAt(ctx context.Context, id string, options ...ReadOption) (*TaskInfo, string, error) {
	req := &rowlockv1.GetTaskRequest{Id: id}
	for _, o := range options {
		o(req)
	}
	resp, err := c.tasks.GetTask(ctx, req)
	if err != nil {
		return nil, "", err
	}
	return taskOf(resp.GetTask()), resp.GetPosition(), nil
}

// Query selects tasks. Zero fields select all live ones.
type Query struct {
	Queue string
	Kind  string
	// States are live states only, or finished ones (completed, cancelled) only.
	States   []State
	WorkerID string
	// Where is a filter in CEL that yields true or false, such as age > duration("1h").
	Where string
	// BatchID selects the tasks of a batch.
	BatchID string
	// OlderThan selects running tasks without a sign of progress for this long.
	OlderThan time.Duration
	// PageSize is how many tasks a request returns, 1 to 1,000; 100 where zero.
	PageSize int
	// Cursor goes on after an earlier page.
	Cursor      string
	Stale       bool
	OmitPayload bool
}

// Page returns one page of tasks, which may be short or empty, and the cursor of the next one; "" after the last.
func (c *Client) Page(ctx context.Context, q Query) ([]*TaskInfo, string, error) {
	tasks, next, _, err := c.PageAt(ctx, q)
	return tasks, next, err
}

// PageAt is Page, with the position from which a Watch goes on. From the position of a list's first page on, nothing is missed
// of any of its pages, though something of the later ones may be told again.
func (c *Client) PageAt(ctx context.Context, q Query) (tasks []*TaskInfo, next, position string, err error) {
	req := &rowlockv1.ListTasksRequest{
		Queue:            q.Queue,
		Kind:             q.Kind,
		Limit:            bounded(q.PageSize),
		Cursor:           q.Cursor,
		Stale:            q.Stale,
		OmitPayload:      q.OmitPayload,
		OlderThanSeconds: q.OlderThan.Seconds(),
		WorkerId:         q.WorkerID,
		Where:            q.Where,
		BatchId:          q.BatchID,
	}
	for _, s := range q.States {
		req.States = append(req.States, s.proto())
	}
	resp, err := c.tasks.ListTasks(ctx, req)
	if err != nil {
		return nil, "", "", err
	}
	tasks = make([]*TaskInfo, 0, len(resp.GetTasks()))
	for _, t := range resp.GetTasks() {
		tasks = append(tasks, taskOf(t))
	}
	return tasks, resp.GetNextCursor(), resp.GetPosition(), nil
}

// List goes through all tasks that the query selects, page by page: live ones by ID, finished ones in the order in which
// they finished. It ends after the first error.
func (c *Client) List(ctx context.Context, q Query) iter.Seq2[*TaskInfo, error] {
	return pages(q.Cursor, func(cursor string) ([]*TaskInfo, string, error) {
		q.Cursor = cursor
		return c.Page(ctx, q)
	})
}

// pages goes through pages until there is no cursor to go on with.
func pages[T any](cursor string, page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			items, next, err := page(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}

// Explanation says why a task isn't running.
type Explanation struct {
	Task    *TaskInfo `json:"task"`
	Summary string    `json:"summary"`
	// Reasons are what holds the task back, most important first.
	Reasons []Reason `json:"reasons"`
}

// Reason is one thing that keeps a task from running. Code is delayed, retry_backoff, queue_paused, no_worker,
// no_worker_for_kind, waits_for_turn, blocked, running, finished, dead_letter, group_paused, workers_busy or operation.
type Reason struct {
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Until    time.Time `json:"until,omitzero"`     // when it ends by itself
	Position uint64    `json:"position,omitempty"` // tasks ahead of it, for waits_for_turn
}

// Explain says why a task isn't running.
func (c *Client) Explain(ctx context.Context, id string) (*Explanation, error) {
	resp, err := c.tasks.ExplainTask(ctx, &rowlockv1.ExplainTaskRequest{Id: id})
	if err != nil {
		return nil, err
	}
	x := &Explanation{Task: taskOf(resp.GetTask()), Summary: resp.GetSummary(), Reasons: []Reason{}}
	for _, r := range resp.GetReasons() {
		x.Reasons = append(x.Reasons, Reason{
			Code: r.GetCode(), Message: r.GetMessage(), Until: at(r.GetUntil()), Position: r.GetPosition(),
		})
	}
	return x, nil
}
