package rpc

import (
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (m *member) drainWorker(worker string) *pb.Worker {
	m.t.Helper()
	out, err := m.workers.DrainWorker(m.ctx(), &pb.DrainWorkerRequest{Worker: worker})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetWorker()
}

// A worker on a stream that is drained is told, gets no more, finishes what it has, and the mark is there for its next
// stream and after a restart of the server.
func TestDrainWorker(t *testing.T) {
	m := start(t)
	m.enqueue(some(4, "q")...)
	w := m.work(hello("q"), 2)
	w.until(func() bool { return len(w.tasks) == 2 })
	if got := m.drainWorker("w1"); !got.GetDraining() || got.GetSessionId() != w.welcome.GetSessionId() || got.GetRunning() != 2 {
		t.Fatalf("drained %v", got)
	}
	w.until(func() bool { return w.drained })
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[0], "r")}})
	w.until(func() bool { return len(w.acked) == 1 })

	again := m.work(&pb.Hello{
		Worker: hello("q").GetWorker(), SessionId: w.welcome.GetSessionId(),
		Held: held(w.tasks[1]),
	}, 9)
	again.until(func() bool { return again.drained })
	again.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(w.tasks[1], "r")}, Goodbye: true})
	if end := again.end(); end != nil || len(again.acked) != 1 || len(again.tasks) != 0 {
		t.Errorf("the stream ended with %v, %d acked and %d new tasks", end, len(again.acked), len(again.tasks))
	}
	_, err := m.workers.GetWorker(m.ctx(), &pb.GetWorkerRequest{Worker: "w1"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("a worker that has left: %v", err)
	}
}

// The unary calls of a drained session say so; a call that waits is answered at once.
func TestDrainUnary(t *testing.T) {
	m := start(t)
	s := m.session("q")
	answer := make(chan error, 1)
	go func() {
		_, err := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: s, WaitSeconds: 30})
		answer <- err
	}()
	m.until("the call waits", func() bool {
		m.server.dispatch.mu.Lock()
		defer m.server.dispatch.mu.Unlock()
		return len(m.server.dispatch.takers) == 1
	})
	m.drainWorker(strconv.FormatUint(s, 10))
	m.enqueue(some(1, "q")...)
	_, next := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: s})
	for _, err := range []error{<-answer, next} {
		if st := status.Convert(err); st.Code() != codes.FailedPrecondition || reasonOf(st) != "session_draining" {
			t.Errorf("a lease of a drained session: %v", err)
		}
	}
	beat, err := m.workers.Heartbeat(m.ctx(), &pb.HeartbeatRequest{SessionId: s})
	if err != nil || !beat.GetDraining() {
		t.Errorf("a heartbeat of a drained session: %v, %v", beat, err)
	}
}

// An evicted worker's tasks are pending at once, no attempt is burnt, and its late outcomes are refused.
func TestEvictWorker(t *testing.T) {
	m := start(t)
	ids := m.enqueue(some(1, "q")...)
	s := m.session("q")
	old := m.lease(&pb.LeaseRequest{SessionId: s})
	shown, err := m.workers.GetWorker(m.ctx(), &pb.GetWorkerRequest{Worker: "w1"})
	if err != nil || len(shown.GetTasks()) != 1 || shown.GetTasks()[0].GetId() != ids[0] || shown.GetWorker().GetRunning() != 1 {
		t.Fatalf("%v, %v", shown, err)
	}
	out, err := m.workers.EvictWorker(m.ctx(), &pb.EvictWorkerRequest{Worker: strconv.FormatUint(s, 10)})
	if err != nil || out.GetWorker().GetRunning() != 1 {
		t.Fatalf("%v, %v", out, err)
	}
	if got := m.get(ids[0]); got.GetState() != pb.Task_pending || got.GetAttempt() != 0 || got.GetWorkerDeaths() != 0 {
		t.Errorf("the task of an evicted worker: %v", got)
	}
	moved := m.lease(&pb.LeaseRequest{SessionId: m.session("q")})
	_, err = m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: ids[0], Token: old[0].GetToken()})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a late outcome: %v", err)
	}
	if _, err = m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: ids[0], Token: moved[0].GetToken()}); err != nil {
		t.Errorf("the outcome of the next worker: %v", err)
	}
	_, err = m.workers.EvictWorker(m.ctx(), &pb.EvictWorkerRequest{Worker: strconv.FormatUint(s, 10)})
	if status.Code(err) != codes.NotFound {
		t.Errorf("a second eviction: %v", err)
	}
}

// A name that several sessions have is refused with their IDs; an ID comes before a name.
func TestWorkerNames(t *testing.T) {
	m := start(t)
	one, two := m.session("q"), m.session("q")
	_, err := m.workers.EvictWorker(m.ctx(), &pb.EvictWorkerRequest{Worker: "w1"})
	if st := status.Convert(err); reasonOf(st) != "ambiguous" || !strings.Contains(st.Message(), strconv.FormatUint(two, 10)) {
		t.Errorf("a name that two have: %v", err)
	}
	for name, want := range map[string]codes.Code{"": codes.InvalidArgument, "none": codes.NotFound, "99": codes.NotFound} {
		if _, err := m.workers.DrainWorker(m.ctx(), &pb.DrainWorkerRequest{Worker: name}); status.Code(err) != want {
			t.Errorf("worker %q: %v", name, err)
		}
	}
	info := hello("q").GetWorker()
	info.WorkerId = strconv.FormatUint(one, 10)
	if _, err := m.workers.OpenSession(m.ctx(), &pb.OpenSessionRequest{Worker: info}); err != nil {
		t.Fatal(err)
	}
	if got := m.drainWorker(info.GetWorkerId()); got.GetSessionId() != one {
		t.Errorf("drained session %d, not %d", got.GetSessionId(), one)
	}
}
