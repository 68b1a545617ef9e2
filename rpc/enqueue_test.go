package rpc

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

func (m *member) producer() uint64 {
	m.t.Helper()
	out, err := m.tasks.OpenProducer(m.ctx(), &pb.OpenProducerRequest{Name: "test"})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetProducerId()
}

// count returns how many live tasks a queue has had.
func (m *member) count(queue string) uint64 {
	m.t.Helper()
	out, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: queue})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetQueue().GetEnqueuedTotal()
}

// A call that is sent twice is executed once, also when it travels in several parts.
func TestEnqueueOnce(t *testing.T) {
	m := start(t)
	producer := m.producer()
	long := strings.Repeat("r", maxRequestID)
	for name, identify := range map[string]func(*pb.EnqueueRequest){
		"producer":        func(r *pb.EnqueueRequest) { r.ProducerId, r.Sequence = producer, 1 },
		"request":         func(r *pb.EnqueueRequest) { r.RequestId = "request" },
		"long-request-id": func(r *pb.EnqueueRequest) { r.RequestId = long },
	} {
		req := &pb.EnqueueRequest{Tasks: some(5000, name)}
		for _, x := range req.Tasks {
			x.Payload = make([]byte, 300)
		}
		identify(req)
		var ids [2][]string
		for i := range ids {
			out, err := m.tasks.Enqueue(m.ctx(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.GetResults() {
				if r.GetError() != nil || r.GetTaskId() == "" {
					t.Fatalf("%s: %v", name, r)
				}
				ids[i] = append(ids[i], r.GetTaskId())
			}
		}
		if fmt.Sprint(ids[0]) != fmt.Sprint(ids[1]) || len(ids[0]) != 5000 {
			t.Errorf("%s: the repeated call got other IDs", name)
		}
		if n := m.count(name); n != 5000 {
			t.Errorf("%s: %d tasks", name, n)
		}
	}
}

func TestEnqueueIdentity(t *testing.T) {
	m := start(t)
	producer := m.producer()
	one := some(1, "q")
	for name, c := range map[string]struct {
		req  *pb.EnqueueRequest
		code codes.Code
	}{
		"both":             {&pb.EnqueueRequest{Tasks: one, ProducerId: producer, Sequence: 1, RequestId: "x"}, codes.InvalidArgument},
		"no sequence":      {&pb.EnqueueRequest{Tasks: one, ProducerId: producer}, codes.InvalidArgument},
		"no producer":      {&pb.EnqueueRequest{Tasks: one, Sequence: 1}, codes.InvalidArgument},
		"acked ahead":      {&pb.EnqueueRequest{Tasks: one, ProducerId: producer, Sequence: 1, AckedBelow: 2}, codes.InvalidArgument},
		"long request ID":  {&pb.EnqueueRequest{Tasks: one, RequestId: strings.Repeat("r", 65)}, codes.InvalidArgument},
		"unknown producer": {&pb.EnqueueRequest{Tasks: one, ProducerId: 9999, Sequence: 1}, codes.FailedPrecondition},
	} {
		if _, err := m.tasks.Enqueue(m.ctx(), c.req); status.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: one, ProducerId: producer, Sequence: 5, AckedBelow: 5}); err != nil {
		t.Fatal(err)
	}
	_, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: one, ProducerId: producer, Sequence: 4})
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || reasonOf(s) != "sequence_forgotten" {
		t.Errorf("a sequence whose answer was dropped: %v", err)
	}
	// A request ID that another call has used isn't mistaken for this one.
	if _, err := m.queues.PauseQueue(m.ctx(), &pb.PauseQueueRequest{Name: "q", RequestId: "shared"}); err != nil {
		t.Fatal(err)
	}
	_, err = m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: one, RequestId: "shared"})
	if status.Code(err) != codes.AlreadyExists {
		t.Errorf("a request ID of another call: %v", err)
	}
}

func TestUnique(t *testing.T) {
	m := start(t)
	first := m.enqueue(&pb.NewTask{Queue: "q", UniqueKey: "k"})[0]
	try := func(mode pb.UniqueMode) *pb.EnqueueResult {
		out, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{{Queue: "q", UniqueKey: "k", UniqueMode: mode}}})
		if err != nil {
			t.Fatal(err)
		}
		return out.GetResults()[0]
	}
	for _, mode := range []pb.UniqueMode{pb.UniqueMode_unique_default, pb.UniqueMode_reject} {
		r := try(mode)
		if codes.Code(r.GetError().GetCode()) != codes.AlreadyExists || r.GetTaskId() != first || !r.GetExisting() ||
			!strings.Contains(r.GetError().GetMessage(), first) || r.GetError().GetReason() != "unique_taken" {
			t.Errorf("%v: %v", mode, r)
		}
	}
	if r := try(pb.UniqueMode_return); r.GetError() != nil || r.GetTaskId() != first || !r.GetExisting() {
		t.Errorf("return: %v", r)
	}
	r := try(pb.UniqueMode_replace)
	if r.GetError() != nil || r.GetTaskId() == first || r.GetExisting() {
		t.Errorf("replace: %v", r)
	}
	if got := m.get(first); got.GetState() != pb.Task_cancelled || got.GetReason() != "replaced" {
		t.Errorf("the replaced task: %v", got)
	}
}

// Parents are live, completed long ago, cancelled or nowhere: each child gets the answer that fits.
func TestParents(t *testing.T) {
	m := start(t)
	s := m.session("parents")
	ids := m.enqueue(some(4, "parents")...)
	live, done, cancelled := ids[1], ids[0], ids[2]
	leased := m.lease(&pb.LeaseRequest{SessionId: s})
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: done, Token: leased[0].GetToken()}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: []string{cancelled}}); err != nil {
		t.Fatal(err)
	}
	child := func(parents ...string) *pb.NewTask { return &pb.NewTask{Queue: "q", DependsOn: parents} }
	req := &pb.EnqueueRequest{
		Tasks:     []*pb.NewTask{child(live), child(done), child(done, live), child(cancelled), child(task.ID(1 << 40).String()), child()},
		RequestId: "parents",
	}
	var before []*pb.EnqueueResult
	for range 2 {
		out, err := m.tasks.Enqueue(m.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		r := out.GetResults()
		for i, want := range []codes.Code{codes.OK, codes.OK, codes.OK, codes.FailedPrecondition, codes.NotFound, codes.OK} {
			if codes.Code(r[i].GetError().GetCode()) != want {
				t.Errorf("child %d: %v, not %v", i, r[i].GetError(), want)
			}
		}
		if before != nil && r[1].GetTaskId() != before[1].GetTaskId() {
			t.Error("the repeated call made new children")
		}
		before = r
	}
	for i, want := range map[int]pb.Task_State{0: pb.Task_blocked, 1: pb.Task_pending, 2: pb.Task_blocked, 5: pb.Task_pending} {
		if got := m.get(before[i].GetTaskId()); got.GetState() != want {
			t.Errorf("child %d is %v, not %v", i, got.GetState(), want)
		}
	}
	if n := m.count("q"); n != 4 {
		t.Errorf("%d tasks, not 4", n)
	}
}

func TestParts(t *testing.T) {
	sizes := func(tasks []task.NewTask) (list []int) {
		for len(tasks) > 0 {
			n := nextPart(tasks)
			list = append(list, n)
			tasks = tasks[n:]
		}
		return list
	}
	large := task.NewTask{Payload: make([]byte, maxTaskBytes)}
	for name, c := range map[string]struct {
		tasks []task.NewTask
		want  []int
	}{
		"one":        {make([]task.NewTask, 1), []int{1}},
		"small":      {make([]task.NewTask, 2*partTasks+1), []int{partTasks, partTasks, 1}},
		"large":      {[]task.NewTask{large, large, {}}, []int{1, 1, 1}},
		"then large": {[]task.NewTask{{}, {}, large}, []int{2, 1}},
	} {
		if got := sizes(c.tasks); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	seen := map[string]bool{}
	for part := range 50 {
		id := requestPart(strings.Repeat("x", maxRequestID), part)
		if len(id) > maxRequestID || seen[id] {
			t.Fatalf("part %d: %q", part, id)
		}
		seen[id] = true
	}
}
