package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Action is what a bulk operation does to each task.
type Action string

// The actions.
const (
	CancelAction Action = "cancel" // end it; the worker of a running one is told
	RetryAction  Action = "retry"  // make it pending at once, with fresh attempts
	DeleteAction Action = "delete" // remove it for good
)

func (a Action) proto() rowlockv1.Operation_Action {
	return rowlockv1.Operation_Action(rowlockv1.Operation_Action_value[string(a)])
}

// OperationState is how far a bulk operation has come.
type OperationState string

// The states.
const (
	OperationRunning OperationState = "running"
	OperationWaiting OperationState = "waiting_canary" // to see what becomes of the tasks that were retried first
	OperationDone    OperationState = "done"           // has visited all tasks
	OperationAborted OperationState = "aborted"        // was ended by a call
	OperationStopped OperationState = "stopped"        // ended itself; Message says why
)

// Ended reports whether nothing more comes of an operation in this state.
func (s OperationState) Ended() bool {
	return s == OperationDone || s == OperationAborted || s == OperationStopped
}

// Selection says which tasks are meant. All that is given must be true of a task.
type Selection struct {
	Queue string `json:"queue,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// States are live states only or finished ones only. Empty: all live ones that the action covers: cancel covers all of
	// them, retry scheduled and dead_letter, delete all but running, and also completed and cancelled, which are history.
	States []State `json:"states,omitempty"`
	// Where is a filter in CEL that yields true or false, of up to 4 KiB, such as error.contains("timeout").
	Where string `json:"where,omitempty"`
}

// Canary has one task go first, then one percent, then the rest; after either of the first two stages the operation waits
// until each of their tasks has ended, or has failed an attempt again.
type Canary struct {
	Wait time.Duration // at most, 1 s to 24 h; 5 min where zero
	// MaxFailed is which share of a stage's tasks may fail an attempt again, or become dead letters, 0 to 1; more stop the operation.
	MaxFailed float64
}

// MarshalJSON uses the API's names.
func (c Canary) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Wait      float64 `json:"wait_seconds"`
		MaxFailed float64 `json:"max_failed_percent"`
	}{c.Wait.Seconds(), c.MaxFailed * 100})
}

// OperationInfo is a bulk operation as seen at one moment.
type OperationInfo struct {
	ID        string         `json:"id"`
	Action    Action         `json:"action"`
	Selection Selection      `json:"selection"`
	Name      string         `json:"name,omitempty"`
	Rate      int            `json:"rate,omitempty"` // tasks per second at most
	Canary    *Canary        `json:"canary,omitempty"`
	State     OperationState `json:"state"`
	Message   string         `json:"message,omitempty"` // why it stopped
	Expected  uint64         `json:"expected,omitempty"`
	// Visited tasks were held against the filter. Of these Matched matched or couldn't be judged: Changed, Skipped as another
	// call had changed them in between, or Failed, of which Errors has the first ten.
	Visited uint64           `json:"visited"`
	Matched uint64           `json:"matched"`
	Changed uint64           `json:"changed"`
	Skipped uint64           `json:"skipped"`
	Failed  uint64           `json:"failed"`
	Errors  []OperationError `json:"errors,omitempty"`

	StartedAt time.Time `json:"started_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	NextAt    time.Time `json:"next_at,omitzero"` // of the next step, by its rate or its canary
	// Stage is 1 and 2 with the canary, then 3. Of the CanaryTasks of the stage that was judged last CanaryFailed failed again.
	Stage        int `json:"stage"`
	CanaryTasks  int `json:"canary_tasks,omitempty"`
	CanaryFailed int `json:"canary_failed,omitempty"`
}

// OperationError is a task that an operation couldn't change.
type OperationError struct {
	TaskID  string `json:"task_id"`
	Message string `json:"message"`
}

// OperationOption changes how an operation goes on.
type OperationOption func(*rowlockv1.StartOperationRequest)

// Rate bounds how many tasks the operation changes per second.
func Rate(tasks int) OperationOption {
	return func(r *rowlockv1.StartOperationRequest) { r.Rate = bounded(tasks) }
}

// WithCanary has a retry begin with a few tasks, and stop if they fail again.
func WithCanary(c Canary) OperationOption {
	return func(r *rowlockv1.StartOperationRequest) {
		percent := c.MaxFailed * 100
		r.Canary = &rowlockv1.Canary{WaitSeconds: c.Wait.Seconds(), MaxFailedPercent: &percent}
	}
}

// Named says who starts the operation or what for, in up to 128 bytes.
func Named(name string) OperationOption {
	return func(r *rowlockv1.StartOperationRequest) { r.Name = name }
}

// Expecting says about how many tasks match, as Count found: a canary's second stage is one percent of it.
func Expecting(tasks uint64) OperationOption {
	return func(r *rowlockv1.StartOperationRequest) { r.Expected = tasks }
}

// Operations is for changing many tasks at once: those that a filter selects.
type Operations struct {
	service rowlockv1.OperationServiceClient
}

// Operations returns the calls for bulk operations.
func (c *Client) Operations() Operations {
	return Operations{rowlockv1.NewOperationServiceClient(c.pool)}
}

// Start begins an operation, which goes on by itself until it has visited all tasks that are there now; Wait waits for it.
// The call is executed once, however often it has to be sent. ErrInvalid says what is wrong with the filter and where;
// ErrState: 100 others haven't ended.
func (o Operations) Start(ctx context.Context, a Action, s Selection, options ...OperationOption) (*OperationInfo, error) {
	req := &rowlockv1.StartOperationRequest{Action: a.proto(), Selection: s.proto(), RequestId: rand.Text()}
	for _, option := range options {
		option(req)
	}
	resp, err := o.service.StartOperation(ctx, req)
	if err != nil {
		return nil, err
	}
	return operationOf(resp.GetOperation()), nil
}

// OperationCount is how many tasks an operation would change.
type OperationCount struct {
	Matched  uint64      `json:"matched"`
	Visited  uint64      `json:"visited"`
	Failed   uint64      `json:"failed"`   // the filter couldn't be evaluated
	Examples []*TaskInfo `json:"examples"` // up to five
	// Complete: all tasks were visited. Else the time was over: 30 s, or what the context's deadline leaves.
	Complete bool `json:"complete"`
}

// Count counts the tasks that an operation would change now, and changes nothing.
func (o Operations) Count(ctx context.Context, a Action, s Selection) (*OperationCount, error) {
	resp, err := o.service.CountOperation(ctx, &rowlockv1.CountOperationRequest{Action: a.proto(), Selection: s.proto()})
	if err != nil {
		return nil, err
	}
	n := &OperationCount{Matched: resp.GetMatched(), Visited: resp.GetVisited(), Failed: resp.GetFailed(), Complete: resp.GetComplete()}
	n.Examples = make([]*TaskInfo, 0, len(resp.GetExamples()))
	for _, t := range resp.GetExamples() {
		n.Examples = append(n.Examples, taskOf(t))
	}
	return n, nil
}

// Get returns an operation; ErrNotFound if there is none, or it ended more than 7 days or 1,000 operations ago.
func (o Operations) Get(ctx context.Context, id string) (*OperationInfo, error) {
	resp, err := o.service.GetOperation(ctx, &rowlockv1.GetOperationRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return operationOf(resp.GetOperation()), nil
}

// Page returns up to limit operations (1 to 1,000; 100 where zero), the newest first, and the cursor of the next page; ""
// after the last.
func (o Operations) Page(ctx context.Context, cursor string, limit int) ([]*OperationInfo, string, error) {
	resp, err := o.service.ListOperations(ctx, &rowlockv1.ListOperationsRequest{Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	ops := make([]*OperationInfo, 0, len(resp.GetOperations()))
	for _, p := range resp.GetOperations() {
		ops = append(ops, operationOf(p))
	}
	return ops, resp.GetNextCursor(), nil
}

// List goes through all operations, the newest first. It ends after the first error.
func (o Operations) List(ctx context.Context) iter.Seq2[*OperationInfo, error] {
	return pages("", func(cursor string) ([]*OperationInfo, string, error) { return o.Page(ctx, cursor, 0) })
}

// Abort ends an operation; what it has changed stays changed. ErrState: it has ended already.
func (o Operations) Abort(ctx context.Context, id string) (*OperationInfo, error) {
	resp, err := o.service.AbortOperation(ctx, &rowlockv1.AbortOperationRequest{Id: id, RequestId: rand.Text()})
	if err != nil {
		return nil, err
	}
	return operationOf(resp.GetOperation()), nil
}

// Wait returns the operation when it has ended. It asks again and again, at most once a second for one that takes long; each,
// if given, is told of every answer. When ctx ends, the operation goes on.
func (o Operations) Wait(ctx context.Context, id string, each func(*OperationInfo)) (*OperationInfo, error) {
	for attempt := 0; ; attempt++ {
		op, err := o.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if each != nil {
			each(op)
		}
		if op.State.Ended() {
			return op, nil
		}
		timer := time.NewTimer(backoff(attempt, firstPoll, maxPoll))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return op, ctx.Err()
		}
	}
}

func (s Selection) proto() *rowlockv1.Selection {
	p := &rowlockv1.Selection{Queue: s.Queue, Kind: s.Kind, Where: s.Where}
	for _, st := range s.States {
		p.States = append(p.States, st.proto())
	}
	return p
}

func operationOf(p *rowlockv1.Operation) *OperationInfo {
	s := p.GetSelection()
	o := &OperationInfo{
		ID: p.GetId(), Action: Action(p.GetAction().String()), Name: p.GetName(), Rate: int(p.GetRate()),
		Selection: Selection{Queue: s.GetQueue(), Kind: s.GetKind(), Where: s.GetWhere()},
		State:     OperationState(p.GetState().String()), Message: p.GetMessage(), Expected: p.GetExpected(),
		Visited: p.GetVisited(), Matched: p.GetMatched(), Changed: p.GetChanged(), Skipped: p.GetSkipped(), Failed: p.GetFailed(),
		StartedAt: at(p.GetStartedAt()), UpdatedAt: at(p.GetUpdatedAt()), EndedAt: at(p.GetEndedAt()), NextAt: at(p.GetNextAt()),
		Stage: int(p.GetStage()), CanaryTasks: int(p.GetCanaryTasks()), CanaryFailed: int(p.GetCanaryFailed()),
	}
	for _, st := range s.GetStates() {
		o.Selection.States = append(o.Selection.States, stateOf(st))
	}
	if c := p.GetCanary(); c != nil {
		o.Canary = &Canary{Wait: seconds(c.GetWaitSeconds()), MaxFailed: c.GetMaxFailedPercent() / 100}
	}
	for _, e := range p.GetErrors() {
		o.Errors = append(o.Errors, OperationError{TaskID: e.GetTaskId(), Message: e.GetError().GetMessage()})
	}
	return o
}
