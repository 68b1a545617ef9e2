package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// watcher is the client's end of a Watch stream.
type watcher struct {
	t      testing.TB
	stream pb.WatchService_WatchClient
	at     string
	cancel context.CancelFunc
}

// watch opens a stream and waits for its first message.
func (m *member) watch(req *pb.WatchRequest) *watcher {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.ctx())
	m.t.Cleanup(cancel)
	stream, err := pb.NewWatchServiceClient(m.conn).Watch(ctx, req)
	if err != nil {
		m.t.Fatal(err)
	}
	w := &watcher{t: m.t, stream: stream, cancel: cancel}
	first, err := stream.Recv()
	if err != nil {
		m.t.Fatal(err)
	}
	if len(first.GetEvents()) > 0 {
		m.t.Fatalf("the first message has %v", first)
	}
	w.at = first.GetPosition()
	return w
}

// take returns the next n events.
func (w *watcher) take(n int) (events []*pb.Event) {
	w.t.Helper()
	for len(events) < n {
		msg, err := w.stream.Recv()
		if err != nil {
			w.t.Fatalf("after %d of %d events: %v", len(events), n, err)
		}
		events = append(events, msg.GetEvents()...)
		w.at = msg.GetPosition()
	}
	if len(events) > n {
		w.t.Fatalf("%d events, not %d: %v", len(events), n, events)
	}
	return events
}

// end returns how the stream ends.
func (w *watcher) end() *status.Status {
	for {
		if _, err := w.stream.Recv(); err != nil {
			return status.Convert(err)
		}
	}
}

// watchRefused returns why a Watch isn't served.
func (m *member) watchRefused(req *pb.WatchRequest) *status.Status {
	m.t.Helper()
	stream, err := pb.NewWatchServiceClient(m.conn).Watch(m.ctx(), req)
	if err == nil {
		_, err = stream.Recv()
	}
	if err == nil {
		m.t.Fatalf("%v is served", req)
	}
	return status.Convert(err)
}

func (w *watcher) story(n int) (lines []string) {
	w.t.Helper()
	for _, e := range w.take(n) {
		line := fmt.Sprintf("%s %s: %s to %s", e.GetKind(), e.GetType(), e.GetFromState(), e.GetToState())
		if e.GetReason() != "" {
			line += " (" + e.GetReason() + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestWatch(t *testing.T) {
	m := start(t)
	all := m.watch(&pb.WatchRequest{Progress: true})
	ends := m.watch(&pb.WatchRequest{Queue: "q", States: []pb.Task_State{pb.Task_completed, pb.Task_dead_letter}})
	other := m.watch(&pb.WatchRequest{Queue: "other", HeartbeatSeconds: 1})
	ids := m.enqueue(&pb.NewTask{Queue: "q", Kind: "a"}, &pb.NewTask{Queue: "q", Kind: "b"})
	one := m.watch(&pb.WatchRequest{Ids: ids[1:], After: all.at})
	s := m.session("q")
	leased := m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 2})
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: ids[0], Token: leased[0].GetToken()}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.workers.Fail(m.ctx(), &pb.FailRequest{TaskId: ids[1], Token: leased[1].GetToken(), Failure: &pb.Failure{Message: "no", Permanent: true}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a state: unspecified to pending", "b state: unspecified to pending", "a state: pending to running", "b state: pending to running",
		"a state: running to completed", "b state: running to dead_letter (failed)",
	}
	if got := all.story(6); !slices.Equal(got, want) {
		t.Errorf("all: %q", got)
	}
	if got := ends.story(2); !slices.Equal(got, want[4:]) {
		t.Errorf("ends: %q", got)
	}
	if got := one.story(3); !slices.Equal(got, []string{want[1], want[3], want[5]}) {
		t.Errorf("one: %q", got)
	}
	// A position is one event's, also within an entry; that of an answer is behind everything that it shows.
	again := m.watch(&pb.WatchRequest{After: "oldest"})
	first := again.take(6)
	if first[0].GetTaskId() != ids[0] || first[0].GetQueue() != "q" || first[2].GetAttempt() != 1 || first[5].GetRetryCount() != 1 {
		t.Errorf("events %v", first)
	}
	for i, e := range first[:5] {
		if got := m.watch(&pb.WatchRequest{After: e.GetPosition()}).take(5 - i)[0]; got.GetPosition() != first[i+1].GetPosition() {
			t.Errorf("behind %s comes %s, not %s", e.GetPosition(), got.GetPosition(), first[i+1].GetPosition())
		}
	}
	list, err := m.tasks.ListTasks(m.ctx(), &pb.ListTasksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	rest := m.watch(&pb.WatchRequest{After: list.GetPosition()})
	m.enqueue(&pb.NewTask{Queue: "other", Kind: "c"})
	if got := rest.story(1); got[0] != "c state: unspecified to pending" {
		t.Errorf("behind the list comes %q", got)
	}
	if got := other.story(1); got[0] != "c state: unspecified to pending" {
		t.Errorf("other: %q", got)
	}
	if msg, err := other.stream.Recv(); err != nil || len(msg.GetEvents()) != 0 || msg.GetPosition() == "" {
		t.Errorf("heartbeat: %v, %v", msg, err)
	}
	if n := m.metric("rowlock_watchers"); n < 5 {
		t.Errorf("%v watchers", n)
	}
	go m.stop()
	if got := all.end(); got.Code() != codes.Unavailable || reasonOf(got) != "stopping" {
		t.Errorf("at the end of the server: %v", got)
	}
}

func TestWatchRefusals(t *testing.T) {
	m := start(t, func(n *raftfsm.Config, _ *Config) { n.Events = 4 })
	for field, req := range map[string]*pb.WatchRequest{
		"ids[0]": {Ids: []string{"x"}}, "queue": {Queue: "-"}, "kind": {Kind: strings.Repeat("k", 200)}, "heartbeat_seconds": {HeartbeatSeconds: 0.5},
		"states[0]": {States: []pb.Task_State{99}}, "after": {After: "yesterday"},
	} {
		if got := m.watchRefused(req); got.Code() != codes.InvalidArgument || !strings.HasPrefix(got.Message(), field) {
			t.Errorf("%s: %v", field, got)
		}
	}
	w := m.watch(&pb.WatchRequest{})
	m.enqueue(some(3, "q")...)
	w.take(3)
	m.enqueue(some(3, "q")...)
	m.watch(&pb.WatchRequest{After: "oldest"}).take(3)
	if got := m.watchRefused(&pb.WatchRequest{After: "0"}); got.Code() != codes.OutOfRange || reasonOf(got) != "position_lost" {
		t.Errorf("lost: %v", got)
	}
}

// replacedNode is a member whose state is replaced by an installed snapshot.
type replacedNode struct {
	Node
	now   chan struct{} // closed when it is
	fresh *task.Machine
}

func (n *replacedNode) Machine(fn func(*task.Machine)) {
	select {
	case <-n.now:
		fn(n.fresh)
	default:
		n.Node.Machine(fn)
	}
}

// TestWatchEndsWithTheState: an installed snapshot ends the streams, so that nothing that was skipped is missed in silence.
func TestWatchEndsWithTheState(t *testing.T) {
	m := start(t)
	n := &replacedNode{Node: m.node, now: make(chan struct{}), fresh: task.NewMachine()}
	n.fresh.KeepEvents(16, 1000)
	m.server.watch.node = n
	w := m.watch(&pb.WatchRequest{HeartbeatSeconds: 1})
	m.enqueue(some(1, "q")...)
	w.take(1)
	close(n.now)
	m.enqueue(some(1, "q")...)
	if got := w.end(); got.Code() != codes.Unavailable || reasonOf(got) != "snapshot_installed" {
		t.Errorf("it ended with %v", got)
	}
	if m.metric("rowlock_watch_cuts_total") != 1 {
		t.Error("the cut isn't counted")
	}
}

// TestSlowConsumer: one that takes nothing is cut.
func TestSlowConsumer(t *testing.T) {
	block := make(chan struct{})
	s := newSender(func(*pb.WatchResponse) error { <-block; return nil })
	s.patience = time.Millisecond
	if err := s.send(t.Context(), &pb.WatchResponse{}); !errors.Is(err, errSlow) {
		t.Errorf("%v", err)
	}
	close(block)
	s.close()
}

// TestWatchAcrossLeaders watches at one member after the other, going on from the last position each time that a stream ends,
// while tasks come and go and the leadership moves: nothing is missed, nothing comes twice, and all members tell the same.
func TestWatchAcrossLeaders(t *testing.T) {
	group := startGroup(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var enqueued atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := group[0].tasks.Enqueue(ctx, &pb.EnqueueRequest{Tasks: some(3, "q")}); err == nil {
					enqueued.Add(3)
				}
			}
		})
	}
	var got []string
	at := "0"
	var last task.Position // of all that was written; known once the writers have stopped
	for turn := 0; ; turn++ {
		if turn == 4 {
			close(stop)
			wg.Wait()
			group[0].until("all is known", func() bool {
				list, err := group[0].tasks.ListTasks(ctx, &pb.ListTasksRequest{Limit: 1})
				if err == nil {
					last, err = task.ParsePosition(list.GetPosition())
				}
				return err == nil
			})
		}
		stream, err := pb.NewWatchServiceClient(group[turn%3].conn).Watch(ctx, &pb.WatchRequest{After: at, HeartbeatSeconds: 1})
		done := false
		for n := 0; err == nil && !done; n++ {
			var msg *pb.WatchResponse
			if msg, err = stream.Recv(); err != nil {
				break
			}
			for _, e := range msg.GetEvents() {
				got = append(got, e.GetPosition()+" "+e.GetTaskId())
			}
			at = msg.GetPosition()
			if n == 3 && turn < 4 {
				for _, l := range group {
					if l.node.Serving() {
						_ = l.node.Transfer(ctx, "") // it may have lost the leadership already
					}
				}
			}
			here, bad := task.ParsePosition(at)
			if bad != nil {
				t.Fatal(bad)
			}
			done = turn < 4 && n > 6 || turn >= 4 && !here.Before(last)
		}
		if turn >= 4 && done {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("waited in vain")
		}
	}
	if int64(len(got)) < enqueued.Load() { // one whose answer was lost may be there too
		t.Errorf("%d events of at least %d tasks", len(got), enqueued.Load())
	}
	for _, m := range group {
		m.until("it has executed all", func() bool { return m.node.Applied() >= last.Index })
		var want []string
		m.node.Machine(func(x *task.Machine) {
			events, _, err := x.Events(&task.EventFilter{}, task.EndOf(x.EventsSince()), 1<<20, 1<<20)
			if err != nil {
				t.Error(err)
			}
			for _, e := range events {
				want = append(want, e.Position.String()+" "+e.ID.String())
			}
		})
		if skipped := len(got) - len(want); skipped < 0 || !slices.Equal(got[skipped:], want) { // it may have begun with a snapshot
			t.Errorf("member %s tells %d events, and %d were seen", m.node.Status().NodeID, len(want), len(got))
		}
	}
}

// TestEventsOverHTTP reads server-sent events, and goes on as a browser does.
func TestEventsOverHTTP(t *testing.T) {
	m := start(t)
	ids := m.enqueue(some(2, "q")...)
	open := func(query, last string) *bufio.Scanner {
		req, err := http.NewRequestWithContext(m.ctx(), http.MethodGet, "http://"+m.server.HTTPAddr()+"/v1/events?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
			t.Fatalf("%s, %s", resp.Status, got)
		}
		return bufio.NewScanner(resp.Body)
	}
	next := func(lines *bufio.Scanner) (id, data string) {
		for lines.Scan() {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "id":
				id = value
			case "data":
				return id, value
			}
		}
		t.Fatal("the stream ended")
		return "", ""
	}
	id, data := next(open("queue=q&after=0", ""))
	if !strings.Contains(data, ids[0]) || !strings.Contains(data, `"to_state":"pending"`) {
		t.Errorf("event %s: %s", id, data)
	}
	if _, data := next(open("queue=q&after=0", id)); !strings.Contains(data, ids[1]) {
		t.Errorf("behind %s: %s", id, data)
	}
	for query, want := range map[string]string{"after=x": "not a position", "que=q": "unknown field"} {
		if code, body := m.call("GET", "/v1/events?"+query, ""); code != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, code, body)
		}
	}
}
