package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Batch is a batch as programs see it.
type Batch struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	State           string         `json:"state"`
	CancelRequested bool           `json:"cancel_requested"`
	Total           uint64         `json:"total"`
	Waiting         uint64         `json:"waiting"`
	Running         uint64         `json:"running"`
	Completed       uint64         `json:"completed"`
	Cancelled       uint64         `json:"cancelled"`
	Deleted         uint64         `json:"deleted"`
	DeadLetter      uint64         `json:"dead_letter"`
	CreatedAt       *time.Time     `json:"created_at"`
	ClosedAt        *time.Time     `json:"closed_at,omitempty"`
	EndedAt         *time.Time     `json:"ended_at,omitempty"`
	IdleTimeout     float64        `json:"idle_timeout_seconds"`
	ExpiresAt       *time.Time     `json:"expires_at,omitempty"`
	Expired         bool           `json:"expired"`
	OnSuccess       *BatchCallback `json:"on_success,omitempty"`
	OnDeath         *BatchCallback `json:"on_death,omitempty"`
	OnComplete      *BatchCallback `json:"on_complete,omitempty"`
}

// BatchCallback is a task that a batch enqueues.
type BatchCallback struct {
	Queue    string     `json:"queue"`
	Kind     string     `json:"kind"`
	State    string     `json:"state"`
	TaskID   string     `json:"task_id,omitempty"`
	Error    string     `json:"error,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	Refusals uint32     `json:"refusals,omitempty"`
	NextAt   *time.Time `json:"next_at,omitempty"`
}

// NewBatch renders the API's batch.
func NewBatch(b *rowlockv1.Batch) Batch {
	return Batch{
		ID: b.GetId(), Name: b.GetName(), State: b.GetState().String(), CancelRequested: b.GetCancelRequested(), Total: b.GetTotal(),
		Waiting: b.GetWaiting(), Running: b.GetRunning(), Completed: b.GetCompleted(), Cancelled: b.GetCancelled(), Deleted: b.GetDeleted(),
		DeadLetter: b.GetDeadLetter(), CreatedAt: stamp(b.GetCreatedAt()), ClosedAt: stamp(b.GetClosedAt()), EndedAt: stamp(b.GetEndedAt()),
		IdleTimeout: b.GetIdleTimeoutSeconds(), ExpiresAt: stamp(b.GetExpiresAt()), Expired: b.GetExpired(),
		OnSuccess: callback(b.GetOnSuccess()), OnDeath: callback(b.GetOnDeath()), OnComplete: callback(b.GetOnComplete()),
	}
}

// NewBatches renders a page.
func NewBatches(bs []*rowlockv1.Batch) []Batch {
	batches := make([]Batch, len(bs))
	for i, b := range bs {
		batches[i] = NewBatch(b)
	}
	return batches
}

func callback(c *rowlockv1.BatchCallback) *BatchCallback {
	if c == nil {
		return nil
	}
	return &BatchCallback{
		Queue: c.GetQueue(), Kind: c.GetKind(), State: c.GetState().String(), TaskID: c.GetTaskId(), Error: c.GetError().GetMessage(), At: stamp(c.GetAt()),
		Refusals: c.GetRefusals(), NextAt: stamp(c.GetNextAt()),
	}
}

// Batches shows batches to people.
func Batches(now time.Time) func(*Table, []Batch) {
	return func(t *Table, page []Batch) {
		t.Head("id", "name", "state", "total", "waiting", "running", "completed", "cancelled", "deleted", "dead letter", "age")
		for _, b := range page {
			t.Row(b.ID, orDash(b.Name), b.state(), b.Total, b.Waiting, b.Running, b.Completed, b.Cancelled, b.Deleted, b.DeadLetter, age(b.CreatedAt, now))
		}
	}
}

func (b Batch) state() string {
	switch {
	case b.CancelRequested:
		return b.State + ", cancelled"
	case b.Expired:
		return b.State + ", expired"
	}
	return b.State
}

// Table shows one batch to people.
func (b Batch) Table(t *Table, now time.Time) {
	t.Pair("id", b.ID)
	t.Pair("name", b.Name)
	t.Pair("state", b.state())
	for _, n := range []struct {
		name  string
		value uint64
	}{
		{"tasks", b.Total}, {"waiting", b.Waiting}, {"running", b.Running}, {"completed", b.Completed}, {"cancelled", b.Cancelled},
		{"deleted", b.Deleted}, {"dead letter", b.DeadLetter},
	} {
		t.Pair(n.name, fmt.Sprint(n.value))
	}
	t.Pair("created", Clock(b.CreatedAt, now))
	t.Pair("closed", Clock(b.ClosedAt, now))
	t.Pair("ended", Clock(b.EndedAt, now))
	if b.ExpiresAt != nil {
		t.Pair("expires", fmt.Sprintf("%s unless something is added or it is closed", Clock(b.ExpiresAt, now)))
	}
	t.Pair("on success", b.over(b.OnSuccess, now, b.CancelRequested))
	t.Pair("on death", b.over(b.OnDeath, now, b.DeadLetter == 0))
	t.Pair("on complete", b.OnComplete.text(now))
}

// text is empty for none.
func (c *BatchCallback) text(now time.Time) string {
	if c == nil {
		return ""
	}
	what := c.Queue
	if c.Kind != "" {
		what += "/" + c.Kind
	}
	switch c.State {
	case rowlockv1.BatchCallback_enqueued.String():
		return fmt.Sprintf("%s: task %s, enqueued %s", what, c.TaskID, Clock(c.At, now))
	case rowlockv1.BatchCallback_retrying.String():
		next := "at once"
		if c.NextAt != nil {
			next = Clock(c.NextAt, now)
		}
		return fmt.Sprintf("%s: %s, last %s: %s; tried again %s", what, Count(c.Refusals, "refusal"), Clock(c.At, now), c.Error, next)
	case rowlockv1.BatchCallback_refused.String():
		return fmt.Sprintf("%s: refused %s: %s", what, Clock(c.At, now), c.Error)
	}
	return what + ": waiting"
}

// over is the text of a callback which, once the batch has ended, may never come any more.
func (b Batch) over(c *BatchCallback, now time.Time, never bool) string {
	if c != nil && c.State == rowlockv1.BatchCallback_waiting.String() && b.EndedAt != nil && never {
		return strings.TrimSuffix(c.text(now), "waiting") + "not needed"
	}
	return c.text(now)
}
