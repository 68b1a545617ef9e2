package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// workerEnd is the worker's end of a Work stream, with what has arrived.
type workerEnd struct {
	m       *member
	stream  pb.WorkerService_WorkClient
	cancel  context.CancelFunc
	welcome *pb.Welcome
	tasks   []*pb.LeasedTask
	acked   []uint64
	refused map[uint64]*pb.Status
	revoked map[uint64]string
	beats   []*pb.BeatAck
	drained bool
}

func hello(queues ...string) *pb.Hello {
	h := &pb.Hello{Worker: &pb.WorkerInfo{WorkerId: "w1"}}
	for _, q := range queues {
		h.Worker.Queues = append(h.Worker.Queues, &pb.QueueWeight{Queue: q})
	}
	return h
}

// work opens a stream.
func (m *member) work(h *pb.Hello, capacity uint32) *workerEnd {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	m.t.Cleanup(cancel)
	stream, err := m.workers.Work(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	w := &workerEnd{m: m, stream: stream, cancel: cancel, refused: map[uint64]*pb.Status{}, revoked: map[uint64]string{}}
	w.send(&pb.WorkRequest{Hello: h, Capacity: proto.Uint32(capacity)})
	for w.welcome == nil {
		w.receive()
	}
	return w
}

func (w *workerEnd) send(req *pb.WorkRequest) {
	w.m.t.Helper()
	if err := w.stream.Send(req); err != nil {
		w.m.t.Fatal(err)
	}
}

// receive takes one message in.
func (w *workerEnd) receive() {
	w.m.t.Helper()
	if err := w.next(); err != nil {
		w.m.t.Fatal(err)
	}
}

func (w *workerEnd) next() error {
	resp, err := w.stream.Recv()
	if err != nil {
		return err
	}
	if resp.GetWelcome() != nil {
		w.welcome = resp.GetWelcome()
	}
	w.drained = w.drained || resp.GetDrain()
	w.tasks = append(w.tasks, resp.GetTasks()...)
	w.acked = append(w.acked, resp.GetAcked()...)
	for _, r := range resp.GetRefused() {
		w.refused[r.GetToken()] = r.GetStatus()
	}
	for _, r := range resp.GetRevoked() {
		w.revoked[r.GetToken()] = r.GetReason()
	}
	if resp.GetBeat() != nil {
		w.beats = append(w.beats, resp.GetBeat())
	}
	return nil
}

// until receives until the condition holds.
func (w *workerEnd) until(ok func() bool) {
	w.m.t.Helper()
	for !ok() {
		w.receive()
	}
}

// end receives until the stream ends and returns its status.
func (w *workerEnd) end() *status.Status {
	w.m.t.Helper()
	for {
		if err := w.next(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return status.Convert(err)
		}
	}
}

func completed(t *pb.LeasedTask, result string) *pb.Outcome {
	return &pb.Outcome{TaskId: t.GetId(), Token: t.GetToken(), Result: &pb.Outcome_Completed{Completed: []byte(result)}}
}

func held(tasks ...*pb.LeasedTask) (list []*pb.HeldLease) {
	for _, t := range tasks {
		list = append(list, &pb.HeldLease{TaskId: t.GetId(), Token: t.GetToken()})
	}
	return list
}

func digestOf(tasks ...*pb.LeasedTask) (d uint64) {
	for _, t := range tasks {
		d ^= task.LeaseDigest(t.GetToken())
	}
	return d
}

func some(n int, queue string) []*pb.NewTask {
	list := make([]*pb.NewTask, n)
	for i := range list {
		list[i] = &pb.NewTask{Queue: queue, Kind: "k", Payload: fmt.Appendf(nil, "payload %d", i)}
	}
	return list
}

func TestWorkStream(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 10)
	ids := m.enqueue(some(3, "q")...)
	w.until(func() bool { return len(w.tasks) == 3 })
	if got := w.tasks[0]; got.GetId() != ids[0] || string(got.GetPayload()) != "payload 0" || got.GetAttempt() != 1 || got.GetKind() != "k" {
		t.Fatalf("leased %v", got)
	}
	w.send(&pb.WorkRequest{
		Started:  []uint64{w.tasks[0].GetToken()},
		Progress: []*pb.LeaseProgress{{TaskId: ids[2], Token: w.tasks[2].GetToken(), Percent: 40, Message: "on it"}},
		Outcomes: []*pb.Outcome{
			completed(w.tasks[0], "done"),
			{TaskId: ids[1], Token: w.tasks[1].GetToken(), Result: &pb.Outcome_Failed{Failed: &pb.Failure{Message: "no", Permanent: true}}},
		},
	})
	w.until(func() bool { return len(w.acked) == 2 })
	if got := m.get(ids[0]); got.GetState() != pb.Task_completed || string(got.GetResult()) != "done" || got.GetWorkerId() != "w1" {
		t.Errorf("completed: %v", got)
	}
	if got := m.get(ids[1]); got.GetState() != pb.Task_dead_letter || got.GetReason() != "failed" || got.GetErrors()[0].GetMessage() != "no" {
		t.Errorf("failed: %v", got)
	}
	m.until("progress is recorded", func() bool { return m.get(ids[2]).GetProgress().GetPercent() == 40 })
	w.send(&pb.WorkRequest{Goodbye: true})
	if s := w.end(); s != nil {
		t.Errorf("goodbye was answered with %v", s)
	}
	if got := m.get(ids[2]); got.GetState() != pb.Task_pending || got.GetAttempt() != 0 {
		t.Errorf("after goodbye: %v", got)
	}
	if n := m.late(); n != 0 {
		t.Errorf("%v late wake-ups", n)
	}
}

// An outcome whose acknowledgement was lost is acknowledged again; one under another token is refused.
func TestResentOutcome(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 10)
	ids := m.enqueue(some(3, "q")...)
	w.until(func() bool { return len(w.tasks) == 3 })
	failed := &pb.Outcome{TaskId: ids[1], Token: w.tasks[1].GetToken(), Result: &pb.Outcome_Failed{Failed: &pb.Failure{RetryAfterSeconds: 60}}}
	snoozed := &pb.Outcome{TaskId: ids[2], Token: w.tasks[2].GetToken(), Result: &pb.Outcome_SnoozedSeconds{SnoozedSeconds: 60}}
	for range 2 {
		w.acked = nil
		w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[0], "done"), failed, snoozed}})
		w.until(func() bool { return len(w.acked) == 3 })
	}
	if got := m.get(ids[1]); got.GetRetryCount() != 1 {
		t.Errorf("a failure that was sent twice counts %d times", got.GetRetryCount())
	}
	for name, o := range map[string]*pb.Outcome{
		"another token":           {TaskId: ids[0], Token: w.tasks[0].GetToken() + 100, Result: &pb.Outcome_Completed{}},
		"another outcome":         {TaskId: ids[2], Token: w.tasks[2].GetToken(), Result: &pb.Outcome_Completed{}},
		"failure of what is done": {TaskId: ids[0], Token: w.tasks[0].GetToken(), Result: &pb.Outcome_Failed{Failed: &pb.Failure{}}},
	} {
		w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{o}})
		w.until(func() bool { return w.refused[o.GetToken()] != nil })
		if s := w.refused[o.GetToken()]; codes.Code(s.GetCode()) != codes.FailedPrecondition || s.GetReason() != "stale_token" {
			t.Errorf("%s: %v", name, s)
		}
		delete(w.refused, o.GetToken())
	}
}

func TestBadOutcomes(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 10)
	ids := m.enqueue(some(1, "q")...)
	w.until(func() bool { return len(w.tasks) == 1 })
	token := w.tasks[0].GetToken()
	for name, o := range map[string]*pb.Outcome{
		"no task ID":     {Token: token, Result: &pb.Outcome_Released{}},
		"bad task ID":    {TaskId: "x", Token: token, Result: &pb.Outcome_Released{}},
		"no result":      {TaskId: ids[0], Token: token},
		"large result":   {TaskId: ids[0], Token: token, Result: &pb.Outcome_Completed{Completed: make([]byte, 64<<10+1)}},
		"negative delay": {TaskId: ids[0], Token: token, Result: &pb.Outcome_SnoozedSeconds{SnoozedSeconds: -1}},
	} {
		w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{o}})
		w.until(func() bool { return w.refused[token] != nil })
		if s := w.refused[token]; codes.Code(s.GetCode()) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, s)
		}
		delete(w.refused, token)
	}
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[0], "")}})
	w.until(func() bool { return slices.Contains(w.acked, token) })
}

func TestCapacity(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 2)
	m.enqueue(some(20, "q")...)
	w.until(func() bool { return len(w.tasks) == 2 })
	q := func() *pb.Queue {
		out, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "q"})
		if err != nil {
			t.Fatal(err)
		}
		return out.GetQueue()
	}
	if got := q(); got.GetRunning() != 2 || got.GetPending() != 18 || got.GetWorkers() != 1 {
		t.Fatalf("with a capacity of 2: %v", got)
	}
	w.send(&pb.WorkRequest{Capacity: proto.Uint32(5)})
	w.until(func() bool { return len(w.tasks) == 5 })
	w.send(&pb.WorkRequest{Capacity: proto.Uint32(3), Outcomes: []*pb.Outcome{completed(w.tasks[0], ""), completed(w.tasks[1], "")}})
	w.until(func() bool { return len(w.acked) == 2 })
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[2], "")}})
	w.until(func() bool { return len(w.tasks) == 6 })
	if got := q(); got.GetRunning() != 3 {
		t.Errorf("with a capacity of 3: %v", got)
	}
	w.send(&pb.WorkRequest{Capacity: proto.Uint32(0)})
	for _, l := range w.tasks[3:] {
		w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(l, "")}})
	}
	w.until(func() bool { return len(w.acked) == 6 })
	if got := q(); got.GetRunning() != 0 || got.GetPending() != 14 || len(w.tasks) != 6 {
		t.Errorf("with no capacity: %v", got)
	}
	w.send(&pb.WorkRequest{Capacity: proto.Uint32(100)})
	w.until(func() bool { return len(w.tasks) == 20 })
}

// A worker that comes back goes on with its session; the lists decide what it still has.
func TestResume(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 3)
	ids := m.enqueue(some(3, "q")...)
	w.until(func() bool { return len(w.tasks) == 3 })
	w.cancel()

	h := hello("q")
	h.SessionId = w.welcome.GetSessionId()
	gone := &pb.HeldLease{TaskId: ids[0], Token: w.tasks[0].GetToken() + 1000}
	h.Held = append(held(w.tasks[0], w.tasks[1]), gone) // the third was lost with the stream
	again := m.work(h, 2)
	if again.welcome.GetFresh() || again.welcome.GetSessionId() != h.GetSessionId() {
		t.Fatalf("welcomed with %v", again.welcome)
	}
	again.until(func() bool { return again.revoked[gone.GetToken()] == "unknown" })
	m.until("the lost lease is released", func() bool {
		got := m.get(ids[2])
		return got.GetState() == pb.Task_pending && got.GetAttempt() == 0
	})
	again.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[0], "a"), completed(w.tasks[1], "b")}})
	again.until(func() bool { return len(again.acked) == 2 && len(again.tasks) == 1 })
	if again.tasks[0].GetId() != ids[2] || again.tasks[0].GetAttempt() != 1 {
		t.Errorf("then leased %v", again.tasks[0])
	}
}

func TestResumeUnknownSession(t *testing.T) {
	m := start(t)
	h := hello("q")
	h.SessionId = 12345
	h.Held = []*pb.HeldLease{{TaskId: "0000000000001", Token: 7}}
	w := m.work(h, 1)
	if !w.welcome.GetFresh() || w.welcome.GetSessionId() == 12345 {
		t.Errorf("welcomed with %v", w.welcome)
	}
}

func TestNewerStreamWins(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 1)
	h := hello("q")
	h.SessionId = w.welcome.GetSessionId()
	newer := m.work(h, 1)
	if s := w.end(); s.Code() != codes.Aborted {
		t.Errorf("the older stream ended with %v", s)
	}
	m.enqueue(some(1, "q")...)
	newer.until(func() bool { return len(newer.tasks) == 1 })
}

// A lease that the worker doesn't list is released after a while, without burning an attempt.
func TestUnlistedLease(t *testing.T) {
	var later atomic.Int64 // how much the clock is ahead
	m := start(t, func(_ *raftfsm.Config, c *Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	w := m.work(hello("q"), 2)
	ids := m.enqueue(some(2, "q")...)
	w.until(func() bool { return len(w.tasks) == 2 })
	beat := func(sequence uint64, list bool) *pb.BeatAck {
		b := &pb.Beat{Sequence: sequence, Digest: digestOf(w.tasks[0])}
		if list {
			b.HasList, b.Held = true, held(w.tasks[0])
		}
		n := len(w.beats)
		w.send(&pb.WorkRequest{Beat: b})
		w.until(func() bool { return len(w.beats) > n })
		return w.beats[n]
	}
	if ack := beat(1, false); !ack.GetWantList() || ack.GetSequence() != 1 {
		t.Fatalf("the digests differ and the answer is %v", ack)
	}
	if ack := beat(2, true); ack.GetWantList() {
		t.Fatalf("the list was sent and the answer is %v", ack)
	}
	if got := m.get(ids[1]); got.GetState() != pb.Task_running {
		t.Fatalf("released at once: %v", got)
	}
	later.Store(int64(unlistedFor))
	beat(3, true)
	m.until("the lease is released", func() bool {
		return m.get(ids[1]).GetState() != pb.Task_running || m.get(ids[1]).GetToken() != w.tasks[1].GetToken()
	})
	w.until(func() bool { return len(w.tasks) == 3 })
	if got := w.tasks[2]; got.GetId() != ids[1] || got.GetAttempt() != 1 {
		t.Errorf("leased again: %v", got)
	}
	if got := m.get(ids[0]); got.GetState() != pb.Task_running {
		t.Errorf("the listed lease: %v", got)
	}
}

func TestDigestsAgree(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 5)
	m.enqueue(some(5, "q")...)
	w.until(func() bool { return len(w.tasks) == 5 })
	w.send(&pb.WorkRequest{Beat: &pb.Beat{Sequence: 9, Digest: digestOf(w.tasks...)}})
	w.until(func() bool { return len(w.beats) == 1 })
	if ack := w.beats[0]; ack.GetWantList() || ack.GetSequence() != 9 {
		t.Errorf("answer %v", ack)
	}
}

func TestRevocations(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 5)
	short := &pb.NewTask{Queue: "q", TimeoutSeconds: 0.2}
	ids := m.enqueue(&pb.NewTask{Queue: "q"}, &pb.NewTask{Queue: "q"}, short)
	w.until(func() bool { return len(w.tasks) == 3 })
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: ids[:1]}); err != nil {
		t.Fatal(err)
	}
	w.until(func() bool { return w.revoked[w.tasks[0].GetToken()] == "cancelled" })
	w.send(&pb.WorkRequest{Capacity: proto.Uint32(0)})
	if _, err := m.tasks.ResetTasks(m.ctx(), &pb.ResetTasksRequest{Ids: ids[1:2]}); err != nil {
		t.Fatal(err)
	}
	w.until(func() bool { return w.revoked[w.tasks[1].GetToken()] == "reset" })
	w.until(func() bool { return w.revoked[w.tasks[2].GetToken()] == "timeout" })
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[0], "")}})
	w.until(func() bool { return w.refused[w.tasks[0].GetToken()] != nil })
}

// A worker that is silent beyond its TTL loses its session; only what it had started counts as a death.
func TestExpiry(t *testing.T) {
	t.Parallel()
	m := start(t, withTTL(5*time.Second))
	w := m.work(hello("q"), 2)
	ids := m.enqueue(some(2, "q")...)
	w.until(func() bool { return len(w.tasks) == 2 })
	w.send(&pb.WorkRequest{Started: []uint64{w.tasks[0].GetToken()}})
	if s := w.end(); s.Code() != codes.FailedPrecondition {
		t.Errorf("the stream of an expired session ended with %v", s)
	}
	if got := m.get(ids[0]); got.GetWorkerDeaths() != 1 || got.GetState() != pb.Task_pending {
		t.Errorf("the started task: %v", got)
	}
	if got := m.get(ids[1]); got.GetWorkerDeaths() != 0 || got.GetAttempt() != 0 || got.GetState() != pb.Task_pending {
		t.Errorf("the other task: %v", got)
	}
}

func TestBadHello(t *testing.T) {
	m := start(t)
	for name, req := range map[string]*pb.WorkRequest{
		"no hello":  {Capacity: proto.Uint32(1)},
		"no worker": {Hello: &pb.Hello{}},
		"no queue":  {Hello: hello()},
		"bad queue": {Hello: hello("a b")},
		"bad held":  {Hello: &pb.Hello{Worker: hello("q").GetWorker(), Held: []*pb.HeldLease{{TaskId: "?"}}}},
	} {
		stream, err := m.workers.Work(m.ctx())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(req); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that stops tells its workers, and what it had not sent is given back.
func TestStopTellsWorkers(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 5)
	done := make(chan *status.Status, 1)
	go func() { done <- w.end() }()
	m.stop()
	if s := <-done; s.Code() != codes.Unavailable {
		t.Errorf("the stream ended with %v", s)
	}
}
