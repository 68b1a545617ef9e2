package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Task is a task as programs see it.
type Task struct {
	ID              string            `json:"id"`
	Queue           string            `json:"queue"`
	Kind            string            `json:"kind"`
	State           string            `json:"state"`
	Reason          string            `json:"reason,omitempty"`
	Priority        uint32            `json:"priority"`
	Attempt         uint32            `json:"attempt"`
	MaxAttempts     uint32            `json:"max_attempts"`
	RetryCount      uint32            `json:"retry_count"`
	WorkerDeaths    uint32            `json:"worker_deaths"`
	MaxWorkerDeaths uint32            `json:"max_worker_deaths"`
	WorkerID        string            `json:"worker_id"`
	EnqueuedAt      *time.Time        `json:"enqueued_at"`
	RunAt           *time.Time        `json:"run_at,omitempty"`
	StartedAt       *time.Time        `json:"started_at,omitempty"`
	HeartbeatAt     *time.Time        `json:"heartbeat_at,omitempty"`
	FinishedAt      *time.Time        `json:"finished_at,omitempty"`
	ExpiresAt       *time.Time        `json:"expires_at,omitempty"`
	TimeoutSeconds  float64           `json:"timeout_seconds,omitempty"`
	PayloadBytes    uint32            `json:"payload_bytes"`
	Payload         json.RawMessage   `json:"payload,omitempty"`
	PayloadBase64   []byte            `json:"payload_base64,omitempty"`
	Result          json.RawMessage   `json:"result,omitempty"`
	ResultBase64    []byte            `json:"result_base64,omitempty"`
	Errors          []TaskError       `json:"errors,omitempty"`
	Progress        *Progress         `json:"progress,omitempty"`
	UniqueKey       string            `json:"unique_key,omitempty"`
	FairKey         string            `json:"fair_key,omitempty"`
	SingletonKey    string            `json:"singleton_key,omitempty"`
	StickyKey       string            `json:"sticky_key,omitempty"`
	Require         map[string]string `json:"require,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	TraceContext    string            `json:"trace_context,omitempty"`
	Backoff         *Backoff          `json:"backoff,omitempty"`
	DependsOn       []string          `json:"depends_on,omitempty"`
	Dependencies    []Dependency      `json:"dependencies,omitempty"`
	OnParentFailure string            `json:"on_parent_failure,omitempty"`
	WorkflowID      string            `json:"workflow_id,omitempty"`
	Ref             string            `json:"ref,omitempty"`
	RetryOf         string            `json:"retry_of,omitempty"`
	Schedule        string            `json:"schedule,omitempty"`
	NominalAt       *time.Time        `json:"nominal_at,omitempty"`
	Token           uint64            `json:"token,omitempty"`
	Fingerprint     string            `json:"fingerprint,omitempty"`
	OriginQueue     string            `json:"origin_queue,omitempty"`
	BatchID         string            `json:"batch_id,omitempty"`
	CallbackOf      string            `json:"callback_of,omitempty"`
	Callback        string            `json:"callback,omitempty"`

	UniqueWindowSeconds float64 `json:"unique_window_seconds,omitempty"`
}

// TaskError is what one attempt ended with.
type TaskError struct {
	At       *time.Time `json:"at"`
	Attempt  uint32     `json:"attempt"`
	Cause    string     `json:"cause"`
	Message  string     `json:"message"`
	WorkerID string     `json:"worker_id"`
}

// Progress is what a worker said last of a running task.
type Progress struct {
	Percent uint32     `json:"percent"`
	Message string     `json:"message"`
	At      *time.Time `json:"at"`
}

// Backoff is how long a failed task waits.
type Backoff struct {
	InitialSeconds float64   `json:"initial_seconds,omitempty"`
	MaximumSeconds float64   `json:"maximum_seconds,omitempty"`
	Multiplier     float64   `json:"multiplier,omitempty"`
	DelaysSeconds  []float64 `json:"delays_seconds,omitempty"`
}

// NewTask renders the API's task.
func NewTask(t *rowlockv1.Task) Task {
	payload, result := Bytes(t.GetPayload()), Bytes(t.GetResult())
	return Task{
		ID: t.GetId(), Queue: t.GetQueue(), Kind: t.GetKind(), State: t.GetState().String(), Reason: t.GetReason(),
		Priority: t.GetPriority(), Attempt: t.GetAttempt(), MaxAttempts: t.GetMaxAttempts(), RetryCount: t.GetRetryCount(),
		WorkerDeaths: t.GetWorkerDeaths(), MaxWorkerDeaths: t.GetMaxWorkerDeaths(), WorkerID: t.GetWorkerId(),
		EnqueuedAt: stamp(t.GetEnqueuedAt()), RunAt: stamp(t.GetRunAt()), StartedAt: stamp(t.GetStartedAt()),
		HeartbeatAt: stamp(t.GetHeartbeatAt()), FinishedAt: stamp(t.GetFinishedAt()), ExpiresAt: stamp(t.GetExpiresAt()),
		TimeoutSeconds: t.GetTimeoutSeconds(), PayloadBytes: t.GetPayloadBytes(),
		Payload: payload.asJSON(), PayloadBase64: payload.asBase64(), Result: result.asJSON(), ResultBase64: result.asBase64(),
		Errors: taskErrors(t.GetErrors()), Progress: progress(t.GetProgress()),
		UniqueKey: t.GetUniqueKey(), FairKey: t.GetFairKey(), SingletonKey: t.GetSingletonKey(), StickyKey: t.GetStickyKey(), Require: t.GetRequire(), Labels: t.GetLabels(), TraceContext: t.GetTraceContext(),
		Backoff: backoff(t.GetBackoff()), DependsOn: t.GetDependsOn(), RetryOf: t.GetRetryOf(), Token: t.GetToken(),
		Schedule: t.GetSchedule(), NominalAt: stamp(t.GetNominalAt()),
		Fingerprint:  t.GetFingerprint(),
		OriginQueue:  t.GetOriginQueue(),
		Dependencies: dependencies(t), OnParentFailure: parentFailure(t), WorkflowID: t.GetWorkflowId(), Ref: t.GetRef(),
		BatchID: t.GetBatchId(), CallbackOf: t.GetCallbackOf(), Callback: t.GetCallback(),
		UniqueWindowSeconds: t.GetUniqueWindowSeconds(),
	}
}

// NewTasks renders a page.
func NewTasks(ts []*rowlockv1.Task) []Task {
	tasks := make([]Task, len(ts))
	for i, t := range ts {
		tasks[i] = NewTask(t)
	}
	return tasks
}

func taskErrors(es []*rowlockv1.TaskError) []TaskError {
	var errs []TaskError
	for _, e := range es {
		errs = append(errs, TaskError{At: stamp(e.GetAt()), Attempt: e.GetAttempt(), Cause: e.GetCause(), Message: e.GetMessage(), WorkerID: e.GetWorkerId()})
	}
	return errs
}

func progress(p *rowlockv1.Progress) *Progress {
	if p == nil {
		return nil
	}
	return &Progress{Percent: p.GetPercent(), Message: p.GetMessage(), At: stamp(p.GetAt())}
}

func backoff(b *rowlockv1.Backoff) *Backoff {
	if b == nil {
		return nil
	}
	return &Backoff{InitialSeconds: b.GetInitialSeconds(), MaximumSeconds: b.GetMaximumSeconds(), Multiplier: b.GetMultiplier(), DelaysSeconds: b.GetDelaysSeconds()}
}

// Tasks shows tasks to people.
func Tasks(now time.Time) func(*Table, []Task) {
	return func(t *Table, page []Task) {
		t.Head("id", "queue", "kind", "state", "priority", "attempt", "age", "what")
		for _, task := range page {
			t.Row(task.ID, task.Queue, orDash(task.Kind), task.State, task.Priority, fmt.Sprintf("%d/%d", task.Attempt, task.MaxAttempts),
				age(task.EnqueuedAt, now), task.what(now))
		}
	}
}

// what says the most useful thing of a task in a few words.
func (t Task) what(now time.Time) string {
	switch {
	case t.State == rowlockv1.Task_running.String() && t.Progress != nil:
		return fmt.Sprintf("on %s for %s, %d%% %s", t.WorkerID, age(t.StartedAt, now), t.Progress.Percent, t.Progress.Message)
	case t.State == rowlockv1.Task_running.String():
		return fmt.Sprintf("on %s for %s", t.WorkerID, age(t.StartedAt, now))
	case t.State == rowlockv1.Task_scheduled.String() && t.RunAt != nil:
		return "runs " + Clock(t.RunAt, now)
	case t.State == rowlockv1.Task_blocked.String():
		return "waits for " + strings.Join(t.DependsOn, ", ")
	case t.State == rowlockv1.Task_dead_letter.String() && len(t.Errors) > 0:
		return t.Reason + ": " + t.Errors[len(t.Errors)-1].Message
	case t.Reason != "":
		return t.Reason
	case len(t.Errors) > 0:
		return "failed: " + t.Errors[len(t.Errors)-1].Message
	}
	return ""
}

// payloadShown is how many characters of a payload or result people see; -o json has it all.
const payloadShown = 200

// Table shows one task to people.
func (t Task) Table(table *Table, now time.Time) {
	table.Pair("id", t.ID)
	table.Pair("queue", t.Queue)
	table.Pair("died in queue", t.OriginQueue)
	table.Pair("kind", t.Kind)
	table.Pair("state", t.State)
	table.Pair("reason", t.Reason)
	table.Pair("fingerprint", t.Fingerprint)
	table.Pair("priority", fmt.Sprint(t.Priority))
	table.Pair("attempt", fmt.Sprintf("%d of %d", t.Attempt, t.MaxAttempts))
	if t.WorkerDeaths > 0 {
		table.Pair("worker deaths", fmt.Sprintf("%d of %d", t.WorkerDeaths, t.MaxWorkerDeaths))
	}
	table.Pair("worker", t.WorkerID)
	table.Pair("enqueued", Clock(t.EnqueuedAt, now))
	table.Pair("runs", Clock(t.RunAt, now))
	table.Pair("started", Clock(t.StartedAt, now))
	table.Pair("last heartbeat", Clock(t.HeartbeatAt, now))
	table.Pair("finished", Clock(t.FinishedAt, now))
	table.Pair("expires", Clock(t.ExpiresAt, now))
	table.Pair("timeout", seconds(t.TimeoutSeconds))
	if t.Progress != nil {
		table.Pair("progress", fmt.Sprintf("%d%% %s (%s ago)", t.Progress.Percent, t.Progress.Message, age(t.Progress.At, now)))
	}
	table.Pair("unique key", t.UniqueKey)
	table.Pair("fair key", t.FairKey)
	table.Pair("singleton key", t.SingletonKey)
	table.Pair("sticky key", t.StickyKey)
	table.Pair("requires", labels(t.Require))
	table.Pair("labels", labels(t.Labels))
	table.Pair("workflow", t.workflow())
	table.Pair("depends on", t.dependsOn())
	table.Pair("retry of", t.RetryOf)
	table.Pair("schedule", t.Schedule)
	table.Pair("nominal time", Clock(t.NominalAt, now))
	table.Pair("batch", t.BatchID)
	if t.CallbackOf != "" {
		table.Pair("callback", fmt.Sprintf("%s of batch %s", t.Callback, t.CallbackOf))
	}
	if t.PayloadBytes > 0 {
		table.Pair("payload", fmt.Sprintf("%s: %s", Count(t.PayloadBytes, "byte"), Bytes(append(t.Payload, t.PayloadBase64...)).text(payloadShown)))
	}
	table.Pair("result", Bytes(append(t.Result, t.ResultBase64...)).text(payloadShown))
	for _, e := range t.Errors {
		table.Pair("error", fmt.Sprintf("attempt %d, %s, %s on %s: %s", e.Attempt, Clock(e.At, now), e.Cause, orDash(e.WorkerID), e.Message))
	}
}

func labels(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+"="+m[key])
	}
	return strings.Join(parts, ",")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// progress is what its worker said last of it, to follow other words; "" if it said nothing.
func (t *Task) progress() string {
	switch p := t.Progress; {
	case p == nil || p.At == nil:
		return ""
	case p.Message == "":
		return fmt.Sprintf(", %d%%", p.Percent)
	default:
		return fmt.Sprintf(", %d%% %s", p.Percent, p.Message)
	}
}

// Stuck shows running tasks by what their workers said of them last.
func Stuck(now time.Time) func(*Table, []Task) {
	return func(t *Table, page []Task) {
		t.Head("id", "queue", "kind", "worker", "attempt", "runs for", "last sign", "progress")
		for i := range page {
			x := &page[i]
			t.Row(x.ID, x.Queue, orDash(x.Kind), orDash(x.WorkerID), fmt.Sprintf("%d/%d", x.Attempt, x.MaxAttempts),
				age(x.StartedAt, now), age(x.HeartbeatAt, now), orDash(strings.TrimPrefix(x.progress(), ", ")))
		}
	}
}
