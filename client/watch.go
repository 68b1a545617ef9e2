package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// EventType is what an event tells.
type EventType string

// The types of events.
const (
	StateChanged EventType = "state"      // the task came to a state: to the same anew when it was rescheduled
	Moved        EventType = "moved"      // the task is in another queue now
	Progressed   EventType = "progressed" // its worker gave a sign of progress
)

// Event is something that happened to a task.
type Event struct {
	// Position is where to go on behind this event: see WatchQuery.After.
	Position  string    `json:"position"`
	Type      EventType `json:"type"`
	At        time.Time `json:"at,omitzero"`
	TaskID    string    `json:"task_id"`
	Queue     string    `json:"queue"`
	FromQueue string    `json:"from_queue,omitempty"` // of a moved task
	Kind      string    `json:"kind"`
	// From is empty for a new task, To for one that was deleted.
	From State `json:"from_state,omitempty"`
	To   State `json:"to_state,omitempty"`
	// Reason is why a task died or was cancelled, as in TaskInfo.
	Reason     string `json:"reason,omitempty"`
	Attempt    int    `json:"attempt"`
	RetryCount int    `json:"retry_count"` // failed attempts so far
	Percent    int    `json:"percent,omitempty"`
}

// WatchQuery selects events. Zero fields select all.
type WatchQuery struct {
	IDs   []string // of these tasks, up to 1,000
	Queue string   // a move concerns both queues
	Kind  string
	// States are those to which an event brings its task.
	States []State
	// Progress tells workers' signs of progress too.
	Progress bool
	// After is the position behind which to begin: that of an event, or of [Client.GetAt] or [Client.PageAt]. Empty: now. "oldest": with all
	// that the member which is asked first still knows.
	After string
	// OnPosition, if given, is called when all events up to a position have been handled, also while nothing happens: it is
	// where a program that stores it goes on after a restart.
	OnPosition func(position string)
}

// Watch tells what happens to tasks, each event once and in order, until ctx ends or the caller stops. When a connection
// breaks, or a member stops or falls behind, it goes on by itself at another from the same place. It ends after the first
// error:
//
//   - ErrPositionLost: no member knows the events behind the position any more, because the caller was away, or too slow, for
//     too long. List the tasks, and watch from the position of the list.
//   - ErrUnavailable: no member has been reached for as long as Config.RetryFor.
func (c *Client) Watch(ctx context.Context, q WatchQuery) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		w := &watching{client: c, query: q, request: q.request()}
		for {
			again, err := w.once(ctx, yield)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !again:
				return
			}
		}
	}
}

// watching is a Watch that goes on from stream to stream.
type watching struct {
	client  *Client
	query   WatchQuery
	request *rowlockv1.WatchRequest // After moves along
	retry   retrier
	lost    int // members in a row that refused, for a reason of their own
}

// once watches on one stream. It returns whether to go on with another, or the error with which to end.
func (w *watching) once(ctx context.Context, yield func(*Event, error) bool) (again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, failure := w.client.watch.Watch(ctx, w.request)
	for failure == nil {
		var m *rowlockv1.WatchResponse
		if m, failure = stream.Recv(); failure != nil {
			break
		}
		if w.lost = 0; m.GetPosition() != w.request.GetAfter() { // a stream that only ever begins is no use
			w.retry = retrier{}
		}
		for _, e := range m.GetEvents() {
			w.request.After = e.GetPosition()
			if !yield(eventOf(e), nil) {
				return false, nil
			}
		}
		w.request.After = m.GetPosition()
		if w.query.OnPosition != nil {
			w.query.OnPosition(m.GetPosition())
		}
	}
	return w.judge(ctx, failure)
}

// judge decides after a stream that ended.
func (w *watching) judge(ctx context.Context, failure error) (again bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if errors.Is(failure, ErrClosed) {
		return false, ErrClosed
	}
	e := fromError(failure)
	switch {
	case e.Reason == reasonPositionLost, e.Reason == reasonTooManyWatchers: // of this member: others may serve it
		if w.lost++; w.lost >= w.client.pool.size() {
			return false, e
		}
		w.client.pool.skip()
		return true, nil
	case e.Code == codes.Unknown && e.Message == "EOF", e.Code == codes.Internal, e.Code == codes.Canceled:
		// The stream broke on its way, or was given up because the server gave no sign of life.
		e.Code = codes.Unavailable
	}
	w.retry.bound = w.client.config.RetryFor
	if err := w.retry.wait(ctx, e); err != nil {
		return false, w.client.pool.final(ctx, err)
	}
	return true, nil
}

func (q *WatchQuery) request() *rowlockv1.WatchRequest {
	r := &rowlockv1.WatchRequest{Ids: q.IDs, Queue: q.Queue, Kind: q.Kind, After: q.After, Progress: q.Progress}
	for _, s := range q.States {
		r.States = append(r.States, s.proto())
	}
	return r
}

func eventOf(e *rowlockv1.Event) *Event {
	return &Event{
		Position: e.GetPosition(), Type: EventType(e.GetType().String()), At: at(e.GetAt()), TaskID: e.GetTaskId(), Queue: e.GetQueue(),
		FromQueue: e.GetFromQueue(), Kind: e.GetKind(), From: stateOf(e.GetFromState()), To: stateOf(e.GetToState()), Reason: e.GetReason(),
		Attempt: int(e.GetAttempt()), RetryCount: int(e.GetRetryCount()), Percent: int(e.GetPercent()),
	}
}
