package rpc

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// set changes a queue's settings, once the group may.
func (m *member) set(name string, s *pb.QueueSettings) *pb.Queue {
	m.t.Helper()
	var out *pb.SetQueueResponse
	m.until("the queue is set", func() (ok bool) {
		var err error
		out, err = m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: name, Settings: s})
		if err != nil && reasonOf(status.Convert(err)) != "feature_level" {
			m.t.Fatal(err)
		}
		return err == nil
	})
	return out.GetQueue()
}

func TestQuotas(t *testing.T) {
	m := start(t)
	m.set("q", &pb.QueueSettings{MaxTasks: 2, MaxBytes: 100})
	out, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: append(some(3, "q"), some(1, "other")...), RequestId: "r"})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range out.GetResults() {
		if full := r.GetError().GetReason() == "queue_full"; full != (i == 2) {
			t.Errorf("task %d: %v", i, r)
		}
	}
	refusal := out.GetResults()[2]
	if e := refusal.GetError(); e.GetCode() != int32(codes.ResourceExhausted) || refusal.GetTaskId() != "" ||
		e.GetMessage() != `queue "q" is full: it has 2 of at most 2 tasks (max_tasks) and 18 of at most 100 bytes of payloads (max_bytes)` {
		t.Errorf("refused: %v", refusal)
	}
	q, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "q"})
	if err != nil || q.GetQueue().GetLiveBytes() != 18 || q.GetQueue().GetSettings().GetMaxTasks() != 2 || q.GetQueue().GetPending() != 2 {
		t.Errorf("%v, %v", q, err)
	}
	if _, err := m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: "q", Fields: []string{"max_tasks", "max_bytes"}}); err != nil {
		t.Fatal(err)
	}
	m.enqueue(some(1, "q")...)
}

func TestDeadLetterQueue(t *testing.T) {
	m := start(t)
	for text, s := range map[string]*pb.QueueSettings{
		"must be another queue": {DeadLetterQueue: "mail"}, "is no queue name": {DeadLetterQueue: "a b"},
	} {
		_, err := m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: "mail", Settings: s})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v", s, err)
		}
	}
	if q := m.set("mail", &pb.QueueSettings{DeadLetterQueue: "mail-dead"}); q.GetSettings().GetDeadLetterQueue() != "mail-dead" {
		t.Errorf("%v", q)
	}
	id := m.enqueue(&pb.NewTask{Queue: "mail"})[0]
	leased := m.lease(&pb.LeaseRequest{SessionId: m.session("mail")})
	if _, err := m.workers.Fail(m.ctx(), &pb.FailRequest{TaskId: id, Token: leased[0].GetToken(), Failure: &pb.Failure{Permanent: true}}); err != nil {
		t.Fatal(err)
	}
	if got := m.get(id); got.GetQueue() != "mail-dead" || got.GetOriginQueue() != "mail" || got.GetState() != pb.Task_dead_letter {
		t.Errorf("dead: %v", got)
	}
	why, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: id})
	if err != nil || !strings.Contains(why.GetSummary(), "it died in queue mail") {
		t.Errorf("%v, %v", why.GetSummary(), err)
	}
	if _, err := m.tasks.RetryTasks(m.ctx(), &pb.RetryTasksRequest{Ids: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if got := m.get(id); got.GetQueue() != "mail" || got.GetOriginQueue() != "" || got.GetState() != pb.Task_pending {
		t.Errorf("retried: %v", got)
	}
}

func TestDebounce(t *testing.T) {
	m := start(t)
	bad := func(field string, n *pb.NewTask) {
		n.Queue, n.UniqueMode = "q", pb.UniqueMode_debounce
		_, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{n}})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	bad("unique_key", &pb.NewTask{DelaySeconds: 1})
	bad("delay_seconds", &pb.NewTask{UniqueKey: "k"})
	bad("unique_window_seconds", &pb.NewTask{UniqueKey: "k", DelaySeconds: 1, UniqueWindowSeconds: 1})
	bad("debounce_max_seconds", &pb.NewTask{UniqueKey: "k", DelaySeconds: 2, DebounceMaxSeconds: 1})
	if _, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{{Queue: "q", DebounceMaxSeconds: 1}}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("debounce_max_seconds alone: %v", err)
	}
	call := func(payload string) (r *pb.EnqueueResult) {
		m.until("the group may", func() bool {
			out, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{{
				Queue: "q", UniqueKey: "k", UniqueMode: pb.UniqueMode_debounce, DelaySeconds: 3600, DebounceMaxSeconds: 7200, Payload: []byte(payload),
			}}})
			if err != nil && reasonOf(status.Convert(err)) != "feature_level" {
				t.Fatal(err)
			}
			if err == nil {
				r = out.GetResults()[0]
			}
			return err == nil
		})
		return r
	}
	first, second := call("a"), call("b")
	if first.GetExisting() || !second.GetExisting() || first.GetTaskId() != second.GetTaskId() || second.GetError() != nil {
		t.Errorf("%v, %v", first, second)
	}
	if got := m.get(first.GetTaskId()); string(got.GetPayload()) != "b" || got.GetState() != pb.Task_scheduled {
		t.Errorf("%v", got)
	}
}
