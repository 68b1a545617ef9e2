package rpc

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

func TestBadQueueLimits(t *testing.T) {
	m := start(t)
	many := map[string]uint32{}
	for i := range 1001 {
		many[fmt.Sprint(i)] = 1
	}
	for want, s := range map[string]*pb.QueueSettings{
		"settings.rate.tasks must be 1 to 1000000, not 0":             {Rate: &pb.Rate{PerSeconds: 1}},
		"settings.key_rate.tasks must be 1 to 1000000, not 1000001":   {KeyRate: &pb.Rate{Tasks: 1_000_001}},
		"settings.rate.per_seconds must be 0.001 to 86400, not -1":    {Rate: &pb.Rate{Tasks: 1, PerSeconds: -1}},
		"settings.rate.per_seconds must be 0.001 to 86400, not NaN":   {Rate: &pb.Rate{Tasks: 1, PerSeconds: math.NaN()}},
		"settings.rate.burst must be at most 1000000, not 1000001":    {Rate: &pb.Rate{Tasks: 1, Burst: 1_000_001}},
		"is more than one in a microsecond":                           {Rate: &pb.Rate{Tasks: 1_000_000, PerSeconds: 0.5}},
		`settings.fair_weights["acme"] must be 1 to 1000, not 0`:      {FairWeights: map[string]uint32{"acme": 0}},
		"settings.fair_weights.key has 129 bytes":                     {FairWeights: map[string]uint32{strings.Repeat("x", 129): 1}},
		"settings.fair_weights has 1001 keys, but may have at most":   {FairWeights: many},
		"settings.priority_aging_seconds must not be negative, not -": {PriorityAgingSeconds: -1},
	} {
		_, err := m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: "q", Settings: s})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), strings.TrimSuffix(want, ", not -")) {
			t.Errorf("%v is refused with %v, not %q", s, err, want)
		}
	}
	if q, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "q"}); status.Code(err) != codes.NotFound {
		t.Errorf("a refused setting made %v, %v", q, err)
	}
}

// TestLimitsHold: what a limit holds back waits, says why, and goes on as the limit allows.
func TestLimitsHold(t *testing.T) {
	m := start(t)
	set := func(s *pb.QueueSettings, fields ...string) {
		t.Helper()
		if _, err := m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: "q", Settings: s, Fields: fields}); err != nil {
			t.Fatal(err)
		}
	}
	reason := func(id string) *pb.Reason {
		t.Helper()
		out, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		return out.GetReasons()[0]
	}
	w := m.work(hello("q"), 10)
	running := func(n int) func() bool { return func() bool { return len(w.tasks) == n } }

	set(&pb.QueueSettings{MaxRunning: 1})
	ids := m.enqueue(some(2, "q")...)
	w.until(running(1))
	if r := reason(ids[1]); r.GetCode() != "queue_limit" || !strings.Contains(r.GetMessage(), "1 task of queue q") {
		t.Errorf("behind the queue's limit: %v", r)
	}
	set(nil, "max_running")
	w.until(running(2))

	set(&pb.QueueSettings{KeyMaxRunning: 1})
	ids = m.enqueue(&pb.NewTask{Queue: "q", FairKey: "a"}, &pb.NewTask{Queue: "q", FairKey: "a"}, &pb.NewTask{Queue: "q", FairKey: "b"})
	w.until(running(4))
	if r := reason(ids[1]); r.GetCode() != "key_limit" || !strings.Contains(r.GetMessage(), `"a"`) {
		t.Errorf("behind its key's limit: %v", r)
	}
	first := w.tasks[2]
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{completed(first, "")}})
	w.until(running(5))

	set(&pb.QueueSettings{Rate: &pb.Rate{Tasks: 1, PerSeconds: 3600}})
	ids = m.enqueue(some(2, "q")...)
	w.until(running(6))
	if r := reason(ids[1]); r.GetCode() != "queue_rate" || !r.GetUntil().AsTime().After(time.Now()) {
		t.Errorf("behind the queue's rate: %v", r)
	}
	set(nil, "rate")
	w.until(running(7))
	set(&pb.QueueSettings{Rate: &pb.Rate{Tasks: 1, PerSeconds: 0.5}})
	m.enqueue(some(2, "q")...)
	w.until(running(9)) // by itself, when the rate lets it
	set(nil, "rate")

	ids = m.enqueue(&pb.NewTask{Queue: "q", SingletonKey: "s"}, &pb.NewTask{Queue: "q", SingletonKey: "s"})
	w.until(running(10))
	if r := reason(ids[1]); r.GetCode() != "singleton" || !strings.Contains(r.GetMessage(), ids[0]) {
		t.Errorf("behind another of its singleton key: %v", r)
	}
	picky := m.enqueue(&pb.NewTask{Queue: "q", Require: map[string]string{"gpu": "yes"}})[0]
	if r := reason(picky); r.GetCode() != "no_capable_worker" || !strings.Contains(r.GetMessage(), "gpu=yes") {
		t.Errorf("without a worker that has its labels: %v", r)
	}
	h := hello("q")
	h.Worker.Labels = map[string]string{"gpu": "yes"}
	capable := m.work(h, 1)
	capable.until(func() bool { return len(capable.tasks) == 1 && capable.tasks[0].GetId() == picky })
	if n := m.late(); n != 0 {
		t.Errorf("%g wake-ups came late", n)
	}
}
