package rpc

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

const (
	// maxWatchers bounds the Watch streams of a member.
	maxWatchers = 256
	// watchBatch is how many events a message has, and watchScan how many are looked at under the machine's lock, at most.
	watchBatch = 256
	watchScan  = 4096
	// watchPace is the least time between two looks of a stream that is not behind: while a lot happens, it costs a member
	// that much less.
	watchPace = 5 * time.Millisecond
	// aheadPatience is how long a member may take to catch up with a position that another one gave.
	aheadPatience = 10 * time.Second
	// oldest is the word for a position behind which the member knows everything.
	oldest = "oldest"
	// defaultHeartbeat is how often an idle stream tells its position.
	defaultHeartbeat = 5 * time.Second
)

// watchService implements rowlock.v1.WatchService.
type watchService struct {
	pb.UnimplementedWatchServiceServer
	node    Node
	waiters *waiters
	metrics *watchMetrics
	open    atomic.Int32
	stopped context.Context //nolint:containedctx // ends when the server stops
	stop    context.CancelFunc
}

func newWatchService(n Node, m *watchMetrics) *watchService {
	s := &watchService{node: n, waiters: newWaiters(n, m), metrics: m}
	s.stopped, s.stop = context.WithCancel(context.Background())
	return s
}

// Faults that end a watch.
var (
	errReplaced = unavailable("snapshot_installed", "this member's state was replaced by the leader's: go on at any member from the last position")
	errSlow     = unavailable("slow_consumer", "the events weren't taken for %s: go on from the last position", sendPatience)
)

func errPositionLost(at task.Position) error {
	return &fault{codes.OutOfRange, "position_lost", "after " + at.String() + ": this member doesn't know the events behind that position (any more): " +
		"list the tasks, and watch from the position that the answer carries"}
}

// within is the stream's context while the server runs.
func (s *watchService) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.stopped, func() { cancel(errStopping) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Watch streams events from this member's own execution of the log. The ring of events is the only buffer: a stream has a
// place in it, whatever the pace of its consumer.
func (s *watchService) Watch(req *pb.WatchRequest, stream pb.WatchService_WatchServer) error {
	w, err := newWatch(req)
	if err != nil {
		return err
	}
	if s.open.Add(1) > maxWatchers {
		s.open.Add(-1)
		return &fault{codes.ResourceExhausted, "too_many_watchers", "this member serves as many watchers as it may: close some, or watch at another member"}
	}
	s.metrics.streams.Inc()
	defer func() {
		s.open.Add(-1)
		s.metrics.streams.Dec()
	}()
	ctx, end := s.within(stream.Context())
	defer end()
	w.service = s
	w.sender = newSender(stream.Send)
	defer w.sender.close()
	if err = w.begin(ctx); err == nil {
		err = w.run(ctx)
	}
	s.metrics.ended(err)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// watch is one stream.
type watch struct {
	service   *watchService
	sender    *sender[*pb.WatchResponse]
	filter    task.EventFilter
	heartbeat time.Duration
	at        task.Position // told up to here; zero: begin now
	oldest    bool          // begin with all that there is
	since     uint64        // of the machine when the stream began
}

func newWatch(req *pb.WatchRequest) (*watch, error) {
	w := &watch{heartbeat: defaultHeartbeat}
	w.filter = task.EventFilter{Queue: req.GetQueue(), TaskKind: req.GetKind(), Progress: req.GetProgress()}
	if w.filter.Queue != "" {
		if err := checkQueue("", "queue", w.filter.Queue); err != nil {
			return nil, err
		}
	}
	if err := checkLength("", "kind", req.GetKind(), maxKind); err != nil {
		return nil, err
	}
	if len(req.GetIds()) > 0 {
		ids, err := taskIDs("", "ids", req.GetIds(), maxIDs)
		if err != nil {
			return nil, err
		}
		w.filter.IDs = make(map[task.ID]struct{}, len(ids))
		for _, id := range ids {
			w.filter.IDs[id] = struct{}{}
		}
	}
	for i, word := range req.GetStates() {
		st, ok := parseState(word)
		if !ok {
			return nil, invalid("states[%d] is no state: scheduled, blocked, pending, running, completed, cancelled or dead_letter", i)
		}
		w.filter.States = append(w.filter.States, st)
	}
	if h := req.GetHeartbeatSeconds(); h != 0 {
		if math.IsNaN(h) || h < 1 || h > 60 {
			return nil, invalid("heartbeat_seconds must be 1 to 60")
		}
		w.heartbeat = time.Duration(h * float64(time.Second))
	}
	switch req.GetAfter() {
	case "":
	case oldest:
		w.oldest = true
	default:
		var err error
		if w.at, err = task.ParsePosition(req.GetAfter()); err != nil {
			return nil, invalid("after %q is %v", clip(req.GetAfter()), err)
		}
	}
	return w, nil
}

// begin finds the stream's place, and tells it.
func (w *watch) begin(ctx context.Context) error {
	n := w.service.node
	switch {
	case w.oldest:
		n.Machine(func(m *task.Machine) { w.at = m.OldestEvents() })
	case w.at == task.Position{}:
		w.at = task.EndOf(n.Applied())
	}
	ahead, cancel := context.WithTimeout(ctx, aheadPatience)
	defer cancel()
	if err := n.AwaitApplied(ahead, w.at.Index); err != nil && ctx.Err() == nil {
		return &fault{codes.OutOfRange, "position_lost", "after " + w.at.String() + ": this member hasn't come so far: if that position is of " +
			"another group, or of before a restored backup, list the tasks and watch from the position that the answer carries"}
	}
	n.Machine(func(m *task.Machine) { w.since = m.EventsSince() })
	if _, _, err := w.look(); err != nil {
		return err
	}
	return w.sender.send(ctx, &pb.WatchResponse{Position: w.at.String()})
}

// run tells what happens until the stream ends.
func (w *watch) run(ctx context.Context) error {
	told := time.Now()
	for {
		begun := time.Now()
		events, next, err := w.look()
		if err != nil {
			return err
		}
		if len(events) > 0 || time.Since(told) >= w.heartbeat {
			if err := w.sender.send(ctx, &pb.WatchResponse{Events: viewEvents(events), Position: next.String()}); err != nil {
				return err
			}
			w.service.metrics.events.Add(float64(len(events)))
			told = time.Now()
		}
		w.at = next
		if !next.IsEnd() { // there are more
			continue
		}
		if err := w.rest(ctx, begun, told); err != nil {
			return err
		}
	}
}

// look reads what there is behind the stream's place.
func (w *watch) look() (events []task.Event, next task.Position, err error) {
	n := w.service.node
	applied := task.EndOf(n.Applied()) // raft's own entries have no events, but they count
	since := w.since
	n.Machine(func(m *task.Machine) {
		since = m.EventsSince()
		events, next, err = m.Events(&w.filter, w.at, watchBatch, watchScan)
	})
	switch {
	case since != w.since:
		return nil, next, errReplaced
	case err != nil:
		return nil, next, errPositionLost(w.at)
	case next.IsEnd() && next.Before(applied):
		next = applied
	}
	return events, next, nil
}

// rest returns when there may be something to tell.
func (w *watch) rest(ctx context.Context, begun, told time.Time) error {
	if d := watchPace - time.Since(begun); d > 0 {
		if err := pause(ctx, d); err != nil {
			return err
		}
	}
	idle, cancel := context.WithDeadline(ctx, told.Add(w.heartbeat))
	defer cancel()
	_ = w.service.node.AwaitApplied(idle, w.at.Index+1) // or it is time for a heartbeat
	return ctx.Err()
}

func viewEvents(events []task.Event) []*pb.Event {
	out := make([]*pb.Event, len(events))
	for i := range events {
		out[i] = viewEvent(&events[i])
	}
	return out
}

// eventTypes are the API's words for the machine's kinds of events.
var eventTypes = map[task.EventKind]pb.Event_Type{
	task.EventState: pb.Event_state, task.EventMoved: pb.Event_moved, task.EventProgress: pb.Event_progressed,
}

func viewEvent(e *task.Event) *pb.Event {
	return &pb.Event{
		Position: e.Position.String(), Type: eventTypes[e.Kind], At: timestamp(e.At), TaskId: e.ID.String(), Queue: e.Queue,
		FromQueue: e.FromQueue, Kind: e.TaskKind, FromState: states[e.From], ToState: states[e.To], Reason: e.Reason.String(),
		Attempt: uint32(e.Attempt), RetryCount: uint32(e.Failures), Percent: uint32(e.Percent),
	}
}
