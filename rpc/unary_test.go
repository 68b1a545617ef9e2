package rpc

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// session opens a session for the unary calls.
func (m *member) session(queues ...string) uint64 {
	m.t.Helper()
	out, err := m.workers.OpenSession(m.ctx(), &pb.OpenSessionRequest{Worker: hello(queues...).GetWorker()})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetSessionId()
}

func (m *member) lease(req *pb.LeaseRequest) []*pb.LeasedTask {
	m.t.Helper()
	out, err := m.workers.Lease(m.ctx(), req)
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetTasks()
}

func TestUnaryLifecycle(t *testing.T) {
	m := start(t)
	ids := m.enqueue(some(4, "q")...)
	s := m.session("q")
	got := m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 10})
	if len(got) != 4 || got[0].GetId() != ids[0] || string(got[3].GetPayload()) != "payload 3" {
		t.Fatalf("leased %v", got)
	}
	ctx := m.ctx()
	for range 2 { // a repeat gets the recorded answer
		if _, err := m.workers.Complete(ctx, &pb.CompleteRequest{TaskId: ids[0], Token: got[0].GetToken(), Result: []byte("r")}); err != nil {
			t.Error(err)
		}
		out, err := m.workers.Fail(ctx, &pb.FailRequest{TaskId: ids[1], Token: got[1].GetToken(), Failure: &pb.Failure{Message: "x", RetryAfterSeconds: 60}})
		if err != nil || out.GetState() != pb.Task_scheduled {
			t.Errorf("fail: %v, %v", out, err)
		}
		if _, err := m.workers.Snooze(ctx, &pb.SnoozeRequest{TaskId: ids[2], Token: got[2].GetToken(), DelaySeconds: 60}); err != nil {
			t.Error(err)
		}
		if _, err := m.workers.Release(ctx, &pb.ReleaseRequest{TaskId: ids[3], Token: got[3].GetToken()}); err != nil {
			t.Error(err)
		}
	}
	_, err := m.workers.Complete(ctx, &pb.CompleteRequest{TaskId: ids[0], Token: got[0].GetToken() + 50})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a stale token: %v", err)
	}
	for i, want := range []pb.Task_State{pb.Task_completed, pb.Task_scheduled, pb.Task_scheduled, pb.Task_pending} {
		if got := m.get(ids[i]); got.GetState() != want {
			t.Errorf("task %d is %v, not %v", i, got.GetState(), want)
		}
	}
	if _, err := m.workers.CloseSession(ctx, &pb.CloseSessionRequest{SessionId: s}); err != nil {
		t.Error(err)
	}
	_, err = m.workers.Lease(ctx, &pb.LeaseRequest{SessionId: s})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a lease of a closed session: %v", err)
	}
}

func TestLeaseWaits(t *testing.T) {
	m := start(t)
	s := m.session("q")
	if got := m.lease(&pb.LeaseRequest{SessionId: s}); len(got) != 0 {
		t.Fatalf("leased %v of nothing", got)
	}
	if got := m.lease(&pb.LeaseRequest{SessionId: s, WaitSeconds: 0.05}); len(got) != 0 {
		t.Fatalf("leased %v of nothing", got)
	}
	answer := make(chan []*pb.LeasedTask)
	go func() { answer <- m.lease(&pb.LeaseRequest{SessionId: s, WaitSeconds: 10, MaxTasks: 3}) }()
	m.until("the call waits", func() bool {
		m.server.dispatch.mu.Lock()
		defer m.server.dispatch.mu.Unlock()
		return len(m.server.dispatch.takers) == 1
	})
	m.enqueue(some(2, "q")...)
	if got := <-answer; len(got) != 2 {
		t.Errorf("leased %d tasks, not 2", len(got))
	}
	if n := len(m.server.dispatch.takers); n != 0 {
		t.Errorf("%d takers are left", n)
	}
}

// A call of Lease that is repeated with its request ID gets the same tasks.
func TestLeaseRepeated(t *testing.T) {
	m := start(t)
	m.enqueue(some(5, "q")...)
	s := m.session("q")
	req := &pb.LeaseRequest{SessionId: s, MaxTasks: 2, RequestId: "lease-1"}
	first, again := m.lease(req), m.lease(req)
	if len(first) != 2 || len(again) != 2 || first[0].GetToken() != again[0].GetToken() || first[1].GetId() != again[1].GetId() {
		t.Errorf("first %v, again %v", first, again)
	}
	empty := &pb.LeaseRequest{SessionId: m.session("other"), WaitSeconds: 10, RequestId: "lease-2"}
	answer := make(chan []*pb.LeasedTask)
	go func() { answer <- m.lease(empty) }()
	m.until("the call waits", func() bool { return m.metric("rowlock_dispatch_short_leases_total") > 0 })
	m.enqueue(some(1, "other")...)
	if got := <-answer; len(got) != 1 {
		t.Errorf("leased %v", got)
	}
}

// What would make the answer too large for a client is given back.
func TestLeaseBounded(t *testing.T) {
	m := start(t)
	for range 3 {
		m.enqueue(
			&pb.NewTask{Queue: "q", Payload: make([]byte, 250<<10)}, &pb.NewTask{Queue: "q", Payload: make([]byte, 250<<10)},
			&pb.NewTask{Queue: "q", Payload: make([]byte, 250<<10)}, &pb.NewTask{Queue: "q", Payload: make([]byte, 250<<10)},
		)
	}
	got := m.lease(&pb.LeaseRequest{SessionId: m.session("q"), MaxTasks: 12})
	if len(got) == 0 || len(got) >= 12 {
		t.Fatalf("leased %d tasks", len(got))
	}
	m.until("the others are pending", func() bool {
		out, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "q"})
		if err != nil {
			t.Fatal(err)
		}
		return int(out.GetQueue().GetPending()) == 12-len(got)
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	m := start(t, withTTL(5*time.Second))
	s := m.session("q")
	ids := m.enqueue(some(2, "q")...)
	got := m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 2})
	beat := time.NewTicker(500 * time.Millisecond)
	defer beat.Stop()
	for range 15 { // one and a half TTLs
		list := held(got...)
		list[0].Started = true
		out, err := m.workers.Heartbeat(m.ctx(), &pb.HeartbeatRequest{
			SessionId: s, Held: append(list, &pb.HeldLease{TaskId: ids[0], Token: 999}),
			Progress: []*pb.LeaseProgress{{TaskId: ids[0], Token: got[0].GetToken(), Percent: 10}},
		})
		if err != nil || len(out.GetRevoked()) != 1 || out.GetRevoked()[0].GetToken() != 999 || out.GetTtlSeconds() != 5 {
			t.Fatalf("heartbeat: %v, %v", out, err)
		}
		<-beat.C
	}
	if got := m.get(ids[0]); got.GetState() != pb.Task_running || got.GetProgress().GetPercent() != 10 {
		t.Errorf("a task whose worker beats: %v", got)
	}
	m.until("the silent session expires", func() bool { return m.get(ids[0]).GetState() == pb.Task_pending })
	_, err := m.workers.Heartbeat(m.ctx(), &pb.HeartbeatRequest{SessionId: s})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("heartbeat of an expired session: %v", err)
	}
	if got := m.get(ids[0]); got.GetWorkerDeaths() != 1 {
		t.Errorf("the started task has %d deaths", got.GetWorkerDeaths())
	}
}

func TestListWorkers(t *testing.T) {
	m := start(t)
	info := &pb.WorkerInfo{
		WorkerId: "w", Queues: []*pb.QueueWeight{{Queue: "a", Weight: 3}, {Queue: "b", Weight: 1}}, Kinds: []string{"k"}, Pool: "p",
		Labels: map[string]string{"zone": "x"},
	}
	req := &pb.OpenSessionRequest{Worker: info, RequestId: "open-1"}
	for range 2 {
		if _, err := m.workers.OpenSession(m.ctx(), req); err != nil {
			t.Fatal(err)
		}
	}
	out, err := m.workers.ListWorkers(m.ctx(), &pb.ListWorkersRequest{})
	if err != nil || len(out.GetWorkers()) != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	w := out.GetWorkers()[0]
	if !proto.Equal(w.GetInfo(), info) || w.GetHeartbeatAt() == nil || w.GetOpenedAt() == nil {
		t.Errorf("got %v", w)
	}
}

// Many workers share what there is: none is left without while another is full.
func TestFairness(t *testing.T) {
	m := start(t)
	var ends []*workerEnd
	for range 4 {
		ends = append(ends, m.work(hello("q"), 1000))
	}
	m.until("all wait", func() bool {
		m.server.dispatch.mu.Lock()
		defer m.server.dispatch.mu.Unlock()
		return len(m.server.dispatch.takers) == len(ends)
	})
	m.enqueue(some(400, "q")...)
	for i, w := range ends {
		w.until(func() bool { return len(w.tasks) >= 50 })
		if n := len(w.tasks); n > 200 {
			t.Errorf("worker %d got %d of 400 tasks", i, n)
		}
	}
}

// Tasks of a kind go to workers that take it, in the entry that brings them or after it.
func TestKinds(t *testing.T) {
	m := start(t)
	h := hello("q")
	h.Worker.Kinds = []string{"b"}
	picky, any := m.work(h, 10), m.work(hello("q"), 10)
	for i := range 5 {
		m.enqueue(&pb.NewTask{Queue: "q", Kind: "a", Payload: fmt.Append(nil, i)})
	}
	any.until(func() bool { return len(any.tasks) == 5 })
	any.send(&pb.WorkRequest{Capacity: proto.Uint32(0)})
	m.until("no room is left", func() bool {
		out, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: m.enqueue(&pb.NewTask{Queue: "q", Kind: "a"})[0]})
		return err == nil && out.GetTask().GetState() == pb.Task_pending
	})
	m.enqueue(&pb.NewTask{Queue: "q", Kind: "b"})
	picky.until(func() bool { return len(picky.tasks) == 1 })
	if picky.tasks[0].GetKind() != "b" {
		t.Errorf("leased %v", picky.tasks[0])
	}
	if n := m.late(); n != 0 {
		t.Errorf("%v late wake-ups", n)
	}
}
