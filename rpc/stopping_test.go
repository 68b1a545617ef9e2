package rpc

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// TestOverlapCancel: the worker of a schedule's task is asked to stop, again with each beat and on a new stream, and keeps its lease. The
// tick that waits makes its task when the worker has stopped, and not before.
func TestOverlapCancel(t *testing.T) {
	m := start(t)
	c := m.cancelling()
	trigger := func() *pb.TriggerScheduleResponse {
		t.Helper()
		out, err := c.TriggerSchedule(m.ctx(), &pb.TriggerScheduleRequest{Name: "s"})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if waiting, next := trigger(), trigger(); m.get(waiting.GetTaskId()).GetState() != pb.Task_cancelled || next.GetQueued() {
		t.Errorf("a task that waits isn't cancelled at once: %v", next)
	}
	w := m.work(hello("q"), 1)
	w.until(func() bool { return len(w.tasks) == 1 })
	first := w.tasks[0]
	if out := trigger(); !out.GetQueued() {
		t.Errorf("the tick doesn't wait: %v", out)
	}
	w.until(func() bool { return w.stopping[first.GetToken()] == 1 })
	w.send(&pb.WorkRequest{Beat: &pb.Beat{Sequence: 1, HasList: true, Held: held(first)}})
	w.until(func() bool { return len(w.beats) == 1 })
	if w.stopping[first.GetToken()] != 2 || len(w.revoked) > 0 || m.get(first.GetId()).GetState() != pb.Task_running {
		t.Errorf("after a beat: asked %d times, revoked %v, the task is %v", w.stopping[first.GetToken()], w.revoked, m.get(first.GetId()))
	}

	h := hello("q")
	h.SessionId, h.Held = w.welcome.GetSessionId(), held(first)
	again := m.work(h, 1)
	again.until(func() bool { return again.stopping[first.GetToken()] == 1 })
	again.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{{
		TaskId: first.GetId(), Token: first.GetToken(), Result: &pb.Outcome_Failed{Failed: &pb.Failure{Message: "stopped"}},
	}}, Capacity: proto.Uint32(1)})
	again.until(func() bool { return len(again.acked) == 1 && len(again.tasks) == 1 })
	if got := m.get(first.GetId()); got.GetState() != pb.Task_cancelled {
		t.Errorf("the task that was stopped: %v", got)
	}
}

// TestHeartbeatTellsWhatIsToStop: workers without a stream learn of it by their heartbeat.
func TestHeartbeatTellsWhatIsToStop(t *testing.T) {
	m := start(t)
	c := m.cancelling()
	s := m.session("q")
	for range 2 { // the second tick waits for the first one's task
		if _, err := c.TriggerSchedule(m.ctx(), &pb.TriggerScheduleRequest{Name: "s"}); err != nil {
			t.Fatal(err)
		}
		m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 1})
	}
	held := m.all(&pb.ListTasksRequest{Queue: "q", States: []pb.Task_State{pb.Task_running}})
	if len(held) != 1 {
		t.Fatalf("running: %v", held)
	}
	if why, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: held[0]}); err != nil ||
		!strings.Contains(why.GetSummary(), "; a later tick of schedule s has asked it to stop") {
		t.Errorf("explained: %v, %v", why, err)
	}
	lease := m.get(held[0])
	out, err := m.workers.Heartbeat(m.ctx(), &pb.HeartbeatRequest{
		SessionId: s, Held: []*pb.HeldLease{{TaskId: held[0], Token: lease.GetToken(), Started: true}},
	})
	if err != nil || len(out.GetStopping()) != 1 || out.GetStopping()[0].GetToken() != lease.GetToken() || len(out.GetRevoked()) > 0 {
		t.Errorf("the heartbeat: %v, %v", out, err)
	}
}

// cancelling puts schedule s, whose ticks ask the tasks in queue q before them to stop.
func (m *member) cancelling() pb.ScheduleServiceClient {
	m.t.Helper()
	c := m.schedules()
	req := daily("s")
	req.Task.Queue, req.Overlap = "q", pb.Overlap_cancel
	if _, err := c.PutSchedule(m.ctx(), req); err != nil {
		m.t.Fatal(err)
	}
	return c
}
