package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// BatchState is how far a batch has come.
type BatchState string

// The states of a batch.
const (
	BatchOpen   BatchState = "open"   // takes tasks
	BatchClosed BatchState = "closed" // takes no more; some of its tasks wait or run
	BatchEnded  BatchState = "ended"  // closed, and all its tasks have ended; a dead letter that is retried makes it closed again
)

// BatchInfo is a batch as seen at one moment. Each of its tasks is counted once, where it is now. Times that don't apply are
// zero, callbacks that the batch was created without are nil.
type BatchInfo struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	State      BatchState `json:"state"`
	Total      uint64     `json:"total"`
	Waiting    uint64     `json:"waiting"` // scheduled, blocked or pending
	Running    uint64     `json:"running"`
	Completed  uint64     `json:"completed"`
	Cancelled  uint64     `json:"cancelled"`
	Deleted    uint64     `json:"deleted"`
	DeadLetter uint64     `json:"dead_letter"`
	CreatedAt  time.Time  `json:"created_at,omitzero"`
	ClosedAt   time.Time  `json:"closed_at,omitzero"`
	EndedAt    time.Time  `json:"ended_at,omitzero"`
	// CancelRequested means that Cancel was called: there is no OnSuccess any more.
	CancelRequested bool `json:"cancel_requested"`
	// IdleTimeout is that of NewBatch.
	IdleTimeout time.Duration `json:"-"` // JSON has idle_timeout_seconds
	// ExpiresAt is when the batch is closed by itself, if nothing is added to it till then; zero once it is closed, and while any of
	// its tasks waits or runs.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Expired means that it was closed by itself: there is no OnSuccess any more.
	Expired    bool           `json:"expired"`
	OnSuccess  *BatchCallback `json:"on_success,omitempty"`
	OnDeath    *BatchCallback `json:"on_death,omitempty"`
	OnComplete *BatchCallback `json:"on_complete,omitempty"`
}

// MarshalJSON uses the API's names.
func (b BatchInfo) MarshalJSON() ([]byte, error) {
	type plain BatchInfo
	return json.Marshal(struct {
		plain
		IdleTimeoutSeconds float64 `json:"idle_timeout_seconds"`
	}{plain(b), b.IdleTimeout.Seconds()})
}

// BatchCallback is a task that a batch enqueues, once. State is waiting, enqueued, retrying or refused. One that is retrying couldn't
// be enqueued for now, for the reason Err, has been refused that many times, and is tried again at NextAt; one that is refused isn't.
type BatchCallback struct {
	Queue    string    `json:"queue"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	TaskID   string    `json:"task_id,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Err      error     `json:"-"`
	Refusals uint32    `json:"refusals,omitzero"`
	NextAt   time.Time `json:"next_at,omitzero"`
}

// NewBatch is a batch to create. Its callbacks are tasks that are in no batch and depend on nothing, with payloads of up to
// 16 KiB; nil: none.
type NewBatch struct {
	Name string // for people; up to 128 bytes
	// OnSuccess is enqueued when the batch is closed and all its tasks have completed.
	OnSuccess *NewTask
	// OnDeath is enqueued at the first dead letter, once, also before the batch is closed.
	OnDeath *NewTask
	// OnComplete is enqueued when the batch is closed and all its tasks have ended, however.
	OnComplete *NewTask
	// IdleTimeout is after how long the batch is closed by itself if it is left open, none of its tasks waits or runs and none is
	// added: OnComplete comes then, OnSuccess doesn't. 1 s to 366 days; 0 is 7 days.
	IdleTimeout time.Duration
}

// Batches is for groups of tasks that are counted together, and call back when they have ended.
type Batches struct{ service rowlockv1.BatchServiceClient }

// Batches returns the calls for batches.
func (c *Client) Batches() Batches { return Batches{c.batches} }

// Create begins a batch. Tasks are added with the option InBatch until Close is called; the callbacks OnSuccess and OnComplete
// come only then. ErrOverloaded: there are 100,000 batches already.
func (b Batches) Create(ctx context.Context, n NewBatch) (*BatchInfo, error) {
	req := &rowlockv1.CreateBatchRequest{Name: n.Name, RequestId: rand.Text(), IdleTimeoutSeconds: n.IdleTimeout.Seconds()}
	for _, c := range []struct {
		from *NewTask
		to   **rowlockv1.NewTask
	}{{n.OnSuccess, &req.OnSuccess}, {n.OnDeath, &req.OnDeath}, {n.OnComplete, &req.OnComplete}} {
		if c.from == nil {
			continue
		}
		var err error
		if *c.to, err = build(c.from.Args, c.from.Options); err != nil {
			return nil, err
		}
	}
	resp, err := b.service.CreateBatch(ctx, req)
	if err != nil {
		return nil, err
	}
	return batchOf(resp.GetBatch()), nil
}

// Get returns a batch; ErrNotFound if there is none, or it ended over 24 h ago.
func (b Batches) Get(ctx context.Context, id string) (*BatchInfo, error) {
	resp, err := b.service.GetBatch(ctx, &rowlockv1.GetBatchRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return batchOf(resp.GetBatch()), nil
}

// Page returns up to limit batches (1 to 1,000; 100 where zero), the oldest first, and the cursor of the next page; "" after
// the last.
func (b Batches) Page(ctx context.Context, cursor string, limit int) ([]*BatchInfo, string, error) {
	resp, err := b.service.ListBatches(ctx, &rowlockv1.ListBatchesRequest{Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	list := make([]*BatchInfo, 0, len(resp.GetBatches()))
	for _, p := range resp.GetBatches() {
		list = append(list, batchOf(p))
	}
	return list, resp.GetNextCursor(), nil
}

// List goes through all batches, the oldest first. It ends after the first error.
func (b Batches) List(ctx context.Context) iter.Seq2[*BatchInfo, error] {
	return pages("", func(cursor string) ([]*BatchInfo, string, error) { return b.Page(ctx, cursor, 0) })
}

// Close lets no more tasks into a batch. A batch without tasks has succeeded then. Closing it again changes nothing.
func (b Batches) Close(ctx context.Context, id string) (*BatchInfo, error) {
	resp, err := b.service.CloseBatch(ctx, &rowlockv1.CloseBatchRequest{Id: id, RequestId: rand.Text()})
	if err != nil {
		return nil, err
	}
	return batchOf(resp.GetBatch()), nil
}

// Cancel closes a batch and cancels its tasks that wait or run, in steps that go on after the call. Dead letters stay.
func (b Batches) Cancel(ctx context.Context, id string) (*BatchInfo, error) {
	resp, err := b.service.CancelBatch(ctx, &rowlockv1.CancelBatchRequest{Id: id, RequestId: rand.Text()})
	if err != nil {
		return nil, err
	}
	return batchOf(resp.GetBatch()), nil
}

// Wait returns the batch when it has ended: it is closed, and all its tasks have ended. It asks again and again, at most once a
// second for a batch that takes long.
func (b Batches) Wait(ctx context.Context, id string) (*BatchInfo, error) {
	for attempt := 0; ; attempt++ {
		info, err := b.Get(ctx, id)
		if err != nil || info.State == BatchEnded {
			return info, err
		}
		timer := time.NewTimer(backoff(attempt, firstPoll, maxPoll))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return info, ctx.Err()
		}
	}
}

func batchOf(p *rowlockv1.Batch) *BatchInfo {
	return &BatchInfo{
		ID:              p.GetId(),
		Name:            p.GetName(),
		State:           BatchState(p.GetState().String()),
		Total:           p.GetTotal(),
		Waiting:         p.GetWaiting(),
		Running:         p.GetRunning(),
		Completed:       p.GetCompleted(),
		Cancelled:       p.GetCancelled(),
		Deleted:         p.GetDeleted(),
		DeadLetter:      p.GetDeadLetter(),
		CreatedAt:       at(p.GetCreatedAt()),
		ClosedAt:        at(p.GetClosedAt()),
		EndedAt:         at(p.GetEndedAt()),
		CancelRequested: p.GetCancelRequested(),
		IdleTimeout:     seconds(p.GetIdleTimeoutSeconds()),
		ExpiresAt:       at(p.GetExpiresAt()),
		Expired:         p.GetExpired(),
		OnSuccess:       callbackOf(p.GetOnSuccess()),
		OnDeath:         callbackOf(p.GetOnDeath()),
		OnComplete:      callbackOf(p.GetOnComplete()),
	}
}

func callbackOf(p *rowlockv1.BatchCallback) *BatchCallback {
	if p == nil {
		return nil
	}
	return &BatchCallback{
		Queue:    p.GetQueue(),
		Kind:     p.GetKind(),
		State:    p.GetState().String(),
		TaskID:   p.GetTaskId(),
		At:       at(p.GetAt()),
		Err:      fromPart(p.GetError(), p.GetTaskId()),
		Refusals: p.GetRefusals(),
		NextAt:   at(p.GetNextAt()),
	}
}
