package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// The bounds of what a handler says; the servers keep no more.
const (
	MaxResultBytes   = 64 << 10
	maxErrorBytes    = 4 << 10
	maxProgressBytes = 1 << 10
)

// ErrResultTooLarge refuses a result of more than MaxResultBytes.
var ErrResultTooLarge = errors.New("worker: the result is too large")

// RawTask is a task that a handler runs. A handler must not use it after it has returned.
type RawTask struct {
	ID      string
	Queue   string
	Kind    string
	Payload []byte
	// Token is the fencing token of the lease, see Fence.
	Token uint64
	// Attempt counts from 1; snoozed and released ones aren't counted.
	Attempt      int
	MaxAttempts  int
	Priority     int
	Timeout      time.Duration // of this attempt; 0: no limit
	EnqueuedAt   time.Time
	Labels       map[string]string
	TraceContext string
	FairKey      string
	WorkerDeaths int
	// Related is what the task came from or belongs to: t.Schedule, t.BatchID and so on; zero where it stands alone.
	Related

	result []byte
	sink   sink
}

// sink takes the signs of progress of a task.
type sink interface {
	note(t *RawTask, percent int, message string)
}

// Task is a task with its arguments.
type Task[A client.Args] struct {
	*RawTask
	Args A
}

// Fence returns the fencing token: a later lease of the same task has a larger one. A store that remembers the largest
// token it has seen and refuses smaller ones is safe from a handler that lost its lease without noticing.
func (t *RawTask) Fence() uint64 { return t.Token }

// SetResult keeps a value with the task if it completes: bytes as they are, anything else as JSON.
func (t *RawTask) SetResult(value any) error {
	var result []byte
	switch v := value.(type) {
	case []byte:
		result = v
	case json.RawMessage:
		result = v
	default:
		var err error
		if result, err = json.Marshal(value); err != nil {
			return fmt.Errorf("worker: result: %w", err)
		}
	}
	if len(result) > MaxResultBytes {
		return fmt.Errorf("%w: %d bytes", ErrResultTooLarge, len(result))
	}
	t.result = result
	return nil
}

// Progress tells the servers how far the task is, 0 to 100 percent, with a message of at most 1 KiB. It doesn't wait: of
// several calls in quick succession only the last may arrive. It is safe for use by many goroutines.
func (t *RawTask) Progress(percent int, message string) {
	if t.sink != nil {
		t.sink.note(t, min(max(percent, 0), 100), clip(message, maxProgressBytes))
	}
}

// fill copies what the servers sent.
func (t *RawTask) fill(p *rowlockv1.LeasedTask) {
	t.ID = p.GetId()
	t.Queue = p.GetQueue()
	t.Kind = p.GetKind()
	t.Payload = p.GetPayload()
	t.Token = p.GetToken()
	t.Attempt = int(p.GetAttempt())
	t.MaxAttempts = int(p.GetMaxAttempts())
	t.Priority = int(p.GetPriority())
	t.Timeout = time.Duration(p.GetTimeoutSeconds() * float64(time.Second))
	t.Labels = p.GetLabels()
	t.TraceContext = p.GetTraceContext()
	t.FairKey = p.GetFairKey()
	t.WorkerDeaths = int(p.GetWorkerDeaths())
	t.Related = relatedOf(p.GetRelated())
	if at := p.GetEnqueuedAt(); at != nil {
		t.EnqueuedAt = at.AsTime()
	}
}
