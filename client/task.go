package client

import (
	"encoding/json"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// State is where a task is in its life.
type State string

// The states.
const (
	Scheduled  State = "scheduled"   // a future run time, or a retry's backoff
	Blocked    State = "blocked"     // waits for other tasks
	Pending    State = "pending"     // ready to be leased
	Running    State = "running"     // leased by a worker
	Completed  State = "completed"   // done, with a result
	Cancelled  State = "cancelled"   // ended by a call, or replaced through its unique key
	DeadLetter State = "dead_letter" // ended without success; kept until somebody acts
)

// Ended reports whether a task in this state will not run any more by itself.
func (s State) Ended() bool { return s == Completed || s == Cancelled || s == DeadLetter }

func stateOf(s rowlockv1.Task_State) State {
	if s == rowlockv1.Task_unspecified {
		return ""
	}
	return State(s.String())
}

func (s State) proto() rowlockv1.Task_State {
	return rowlockv1.Task_State(rowlockv1.Task_State_value[string(s)])
}

// TaskInfo is a task as seen at one moment. Times that don't apply are zero.
type TaskInfo struct {
	ID           string            `json:"id"`
	Queue        string            `json:"queue"`
	Kind         string            `json:"kind"`
	State        State             `json:"state"`
	Priority     int               `json:"priority"`
	Payload      []byte            `json:"payload,omitempty"`
	PayloadBytes int               `json:"payload_bytes"`
	Labels       map[string]string `json:"labels,omitempty"`
	FairKey      string            `json:"fair_key,omitempty"`
	SingletonKey string            `json:"singleton_key,omitempty"`
	StickyKey    string            `json:"sticky_key,omitempty"`
	Require      map[string]string `json:"require,omitempty"`
	UniqueKey    string            `json:"unique_key,omitempty"`
	UniqueWindow time.Duration     `json:"-"` // after its enqueue, in which its key stays taken; JSON has unique_window_seconds
	TraceContext string            `json:"trace_context,omitempty"`
	// Attempt counts the leases that counted so far, RetryCount the failed attempts.
	Attempt         int    `json:"attempt"`
	MaxAttempts     int    `json:"max_attempts"`
	RetryCount      int    `json:"retry_count"`
	WorkerDeaths    int    `json:"worker_deaths"`
	MaxWorkerDeaths int    `json:"max_worker_deaths"`
	WorkerID        string `json:"worker_id,omitempty"` // that holds, or last held, the lease
	// EnqueuedAt is when the task was accepted, RunAt when it becomes pending, ExpiresAt when it goes to the dead letter
	// queue unless it has started, HeartbeatAt the worker's last sign of progress.
	EnqueuedAt  time.Time     `json:"enqueued_at,omitzero"`
	RunAt       time.Time     `json:"run_at,omitzero"`
	StartedAt   time.Time     `json:"started_at,omitzero"`
	FinishedAt  time.Time     `json:"finished_at,omitzero"`
	ExpiresAt   time.Time     `json:"expires_at,omitzero"`
	HeartbeatAt time.Time     `json:"heartbeat_at,omitzero"`
	Timeout     time.Duration `json:"-"` // of one attempt; JSON has timeout_seconds
	Result      []byte        `json:"result,omitempty"`
	Errors      []TaskError   `json:"errors,omitempty"` // oldest first
	// Reason is failed, attempts_exhausted, expired, poison or dependency_failed for a dead letter; cancelled or replaced
	// for a cancelled task, superseded if it was the next tick of its schedule that cancelled it; dependency_failed or not_needed
	// if it was the end of a task that it depends on.
	Reason    string        `json:"reason,omitempty"`
	Progress  *Progress     `json:"progress,omitempty"`
	RetryOf   string        `json:"retry_of,omitempty"`
	Token     uint64        `json:"token,omitempty"`
	Backoff   BackoffPolicy `json:"backoff,omitzero"`
	DependsOn []string      `json:"depends_on,omitempty"`
	// Schedule is the schedule that made it, NominalAt the nominal time of its tick.
	Schedule  string    `json:"schedule,omitempty"`
	NominalAt time.Time `json:"nominal_at,omitzero"`
	// Fingerprint is equal for errors that differ in nothing but numbers, names and places.
	Fingerprint string `json:"fingerprint,omitempty"`
	// OriginQueue is where a dead letter died, if its queue has a dead letter queue; a retry sends it back there.
	OriginQueue string `json:"origin_queue,omitempty"`
	// Dependencies are all tasks that it depends on; OnParentFailure is dead_letter or cancel.
	Dependencies    []Dependency `json:"dependencies,omitempty"`
	OnParentFailure string       `json:"on_parent_failure,omitempty"`
	// WorkflowID is the workflow that it is in, Ref its name there.
	WorkflowID string `json:"workflow_id,omitempty"`
	Ref        string `json:"ref,omitempty"`
	// BatchID is the batch that the task is in; CallbackOf the one that enqueued it, Callback why: on_success, on_death or
	// on_complete.
	BatchID    string `json:"batch_id,omitempty"`
	CallbackOf string `json:"callback_of,omitempty"`
	Callback   string `json:"callback,omitempty"`
}

// TaskError is what one attempt ended with. Cause is failed, permanent, timeout or worker_lost.
type TaskError struct {
	At       time.Time `json:"at,omitzero"`
	Attempt  int       `json:"attempt"`
	Cause    string    `json:"cause"`
	Message  string    `json:"message"`
	WorkerID string    `json:"worker_id,omitempty"`
}

// Progress is what a worker says about a running task.
type Progress struct {
	Percent int       `json:"percent"`
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// MarshalJSON uses the API's names.
func (t TaskInfo) MarshalJSON() ([]byte, error) {
	type plain TaskInfo
	return json.Marshal(struct {
		plain
		TimeoutSeconds      float64 `json:"timeout_seconds,omitzero"`
		UniqueWindowSeconds float64 `json:"unique_window_seconds,omitzero"`
	}{plain(t), t.Timeout.Seconds(), t.UniqueWindow.Seconds()})
}

// DecodeArgs reads the payload into a struct.
func (t *TaskInfo) DecodeArgs(args any) error { return json.Unmarshal(t.Payload, args) }

// DecodeResult reads the result into a struct.
func (t *TaskInfo) DecodeResult(result any) error { return json.Unmarshal(t.Result, result) }

func taskOf(p *rowlockv1.Task) *TaskInfo {
	t := &TaskInfo{
		ID:              p.GetId(),
		Queue:           p.GetQueue(),
		Kind:            p.GetKind(),
		State:           stateOf(p.GetState()),
		Priority:        int(p.GetPriority()),
		Payload:         p.GetPayload(),
		PayloadBytes:    int(p.GetPayloadBytes()),
		Labels:          p.GetLabels(),
		FairKey:         p.GetFairKey(),
		SingletonKey:    p.GetSingletonKey(),
		StickyKey:       p.GetStickyKey(),
		Require:         p.GetRequire(),
		UniqueKey:       p.GetUniqueKey(),
		UniqueWindow:    seconds(p.GetUniqueWindowSeconds()),
		TraceContext:    p.GetTraceContext(),
		Attempt:         int(p.GetAttempt()),
		MaxAttempts:     int(p.GetMaxAttempts()),
		RetryCount:      int(p.GetRetryCount()),
		WorkerDeaths:    int(p.GetWorkerDeaths()),
		MaxWorkerDeaths: int(p.GetMaxWorkerDeaths()),
		WorkerID:        p.GetWorkerId(),
		EnqueuedAt:      at(p.GetEnqueuedAt()),
		RunAt:           at(p.GetRunAt()),
		StartedAt:       at(p.GetStartedAt()),
		FinishedAt:      at(p.GetFinishedAt()),
		ExpiresAt:       at(p.GetExpiresAt()),
		HeartbeatAt:     at(p.GetHeartbeatAt()),
		Timeout:         seconds(p.GetTimeoutSeconds()),
		Result:          p.GetResult(),
		Reason:          p.GetReason(),
		RetryOf:         p.GetRetryOf(),
		Token:           p.GetToken(),
		Backoff:         backoffOf(p.GetBackoff()),
		DependsOn:       p.GetDependsOn(),
		Schedule:        p.GetSchedule(),
		NominalAt:       at(p.GetNominalAt()),
		Fingerprint:     p.GetFingerprint(),
		OriginQueue:     p.GetOriginQueue(),
		Dependencies:    dependenciesOf(p.GetDependencies()),
		WorkflowID:      p.GetWorkflowId(),
		BatchID:         p.GetBatchId(),
		CallbackOf:      p.GetCallbackOf(),
		Callback:        p.GetCallback(),
		Ref:             p.GetRef(),
	}
	if len(t.Dependencies) > 0 {
		t.OnParentFailure = p.GetOnParentFailure().String()
	}
	for _, e := range p.GetErrors() {
		t.Errors = append(t.Errors, TaskError{
			At: at(e.GetAt()), Attempt: int(e.GetAttempt()), Cause: e.GetCause(), Message: e.GetMessage(), WorkerID: e.GetWorkerId(),
		})
	}
	if g := p.GetProgress(); g != nil {
		t.Progress = &Progress{Percent: int(g.GetPercent()), Message: g.GetMessage(), At: at(g.GetAt())}
	}
	return t
}
