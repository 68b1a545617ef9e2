package rpc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// all goes through all pages.
func (m *member) all(req *pb.ListTasksRequest) (ids []string) {
	m.t.Helper()
	req = proto.Clone(req).(*pb.ListTasksRequest)
	for range 1000 {
		out, err := m.tasks.ListTasks(m.ctx(), req)
		if err != nil {
			m.t.Fatal(err)
		}
		if len(out.GetTasks()) > int(req.GetLimit()) && req.GetLimit() > 0 {
			m.t.Fatalf("a page of %d tasks, at most %d were asked for", len(out.GetTasks()), req.GetLimit())
		}
		for _, t := range out.GetTasks() {
			ids = append(ids, t.GetId())
		}
		if req.Cursor = out.GetNextCursor(); req.Cursor == "" {
			return ids
		}
	}
	m.t.Fatal("the list doesn't end")
	return nil
}

func TestListTasks(t *testing.T) {
	m := start(t)
	each := m.oneOfEach()
	other := m.enqueue(some(25, "other")...)
	list := func(names ...string) (ids []string) {
		for _, n := range names {
			ids = append(ids, each[n])
		}
		return ids
	}
	states := func(s ...pb.Task_State) []pb.Task_State { return s }
	for name, c := range map[string]struct {
		req  *pb.ListTasksRequest
		want []string
	}{
		"live":      {&pb.ListTasksRequest{Queue: "each"}, list("dead", "running", "pending", "scheduled")},
		"all live":  {&pb.ListTasksRequest{Limit: 7}, append(list("dead", "running", "pending", "scheduled"), other...)},
		"pending":   {&pb.ListTasksRequest{States: states(pb.Task_pending), Queue: "each"}, list("pending")},
		"finished":  {&pb.ListTasksRequest{States: states(pb.Task_completed, pb.Task_cancelled), Limit: 1}, list("completed", "cancelled")},
		"completed": {&pb.ListTasksRequest{States: states(pb.Task_completed), Queue: "each"}, list("completed")},
		"none":      {&pb.ListTasksRequest{States: states(pb.Task_completed), Queue: "other"}, nil},
		"kind":      {&pb.ListTasksRequest{Kind: "scheduled"}, list("scheduled")},
		"worker":    {&pb.ListTasksRequest{WorkerId: "w1", States: states(pb.Task_running)}, list("running")},
		"fresh":     {&pb.ListTasksRequest{OlderThanSeconds: 3600}, nil},
		"stale":     {&pb.ListTasksRequest{Queue: "other", Stale: true, Limit: 10}, other},
	} {
		if got := m.all(c.req); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	m.until("running for a while", func() bool {
		return len(m.all(&pb.ListTasksRequest{OlderThanSeconds: 0.05})) == 1
	})
}

// Finished tasks are found whether they are in memory still or on disk, and are given with what they carry.
func TestListFinished(t *testing.T) {
	m := start(t)
	s := m.session("q")
	var want []string
	for round := range 4 {
		want = append(want, m.enqueue(some(50, "q")...)...)
		for _, l := range m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 50}) {
			if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: l.GetId(), Token: l.GetToken(), Result: []byte("r")}); err != nil {
				t.Fatal(err)
			}
		}
		if round == 1 {
			before := m.node.Status().DurableIndex
			m.until("a checkpoint", func() bool { return m.node.Status().DurableIndex > before })
		}
	}
	req := &pb.ListTasksRequest{States: []pb.Task_State{pb.Task_completed}, Queue: "q", Limit: 30}
	if got := m.all(req); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d tasks, not %d", len(got), len(want))
	}
	out, err := m.tasks.ListTasks(m.ctx(), req)
	if err != nil || string(out.GetTasks()[0].GetPayload()) != "payload 0" || string(out.GetTasks()[0].GetResult()) != "r" {
		t.Errorf("%v, %v", out.GetTasks()[0], err)
	}
}

// Finished tasks are found behind many that were deleted a moment ago and still are on disk.
func TestListBehindDeleted(t *testing.T) {
	m := start(t)
	ids := m.enqueue(some(700, "q")...)
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: ids}); err != nil {
		t.Fatal(err)
	}
	m.until("a checkpoint", func() bool { s := m.node.Status(); return s.DurableIndex >= s.AppliedIndex })
	if _, err := m.tasks.DeleteTasks(m.ctx(), &pb.DeleteTasksRequest{Ids: ids[:600]}); err != nil {
		t.Fatal(err)
	}
	req := &pb.ListTasksRequest{States: []pb.Task_State{pb.Task_cancelled}, Queue: "q", Limit: 1000}
	for _, where := range []string{"", `queue == "q"`} {
		req.Where = where
		if got := m.all(req); fmt.Sprint(got) != fmt.Sprint(ids[600:]) {
			t.Errorf("where %q: %d tasks, not 100", where, len(got))
		}
	}
}

// A page of large tasks stays within what clients take.
func TestListLarge(t *testing.T) {
	m := start(t)
	for range 20 {
		m.enqueue(&pb.NewTask{Queue: "q", Payload: make([]byte, 250<<10)})
	}
	if got := m.all(&pb.ListTasksRequest{Queue: "q", Limit: 1000}); len(got) != 20 {
		t.Errorf("%d tasks", len(got))
	}
}

func TestBadLists(t *testing.T) {
	m := start(t)
	m.enqueue(some(5, "q")...)
	out, err := m.tasks.ListTasks(m.ctx(), &pb.ListTasksRequest{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, req := range map[string]*pb.ListTasksRequest{
		"limit":          {Limit: 1001},
		"queue":          {Queue: "?"},
		"cursor":         {Cursor: "garbage"},
		"another cursor": {Cursor: out.GetNextCursor(), Queue: "q"},
		"mixed states":   {States: []pb.Task_State{pb.Task_pending, pb.Task_completed}},
		"no state":       {States: []pb.Task_State{pb.Task_unspecified}},
		"unknown state":  {States: []pb.Task_State{99}},
		"old finished":   {OlderThanSeconds: 5, States: []pb.Task_State{pb.Task_completed}},
		"negative age":   {OlderThanSeconds: -5},
	} {
		if _, err := m.tasks.ListTasks(m.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQueues(t *testing.T) {
	m := start(t)
	for i := range 5 {
		m.enqueue(some(i+1, fmt.Sprint("q", i))...)
	}
	var names []string
	req := &pb.ListQueuesRequest{Limit: 2}
	for {
		out, err := m.queues.ListQueues(m.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range out.GetQueues() {
			names = append(names, q.GetName())
			if int(q.GetPending()) != len(names) {
				t.Errorf("queue %d: %v", i, q)
			}
		}
		if req.Cursor = out.GetNextCursor(); req.Cursor == "" {
			break
		}
	}
	if strings.Join(names, " ") != "q0 q1 q2 q3 q4" {
		t.Errorf("queues %v", names)
	}
	set := func(req *pb.SetQueueRequest) *pb.QueueSettings {
		req.Name = "q0"
		out, err := m.queues.SetQueue(m.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		return out.GetQueue().GetSettings()
	}
	got := set(&pb.SetQueueRequest{Settings: &pb.QueueSettings{MaxAttempts: 3, TimeoutSeconds: 2.5, Backoff: &pb.Backoff{InitialSeconds: 1}}})
	if got.GetMaxAttempts() != 3 || got.GetTimeoutSeconds() != 2.5 || got.GetBackoff().GetInitialSeconds() != 1 {
		t.Errorf("settings %v", got)
	}
	if got = set(&pb.SetQueueRequest{Fields: []string{"timeout_seconds"}, Settings: &pb.QueueSettings{MaxAttempts: 9}}); got.GetTimeoutSeconds() != 0 || got.GetMaxAttempts() != 3 {
		t.Errorf("settings %v", got)
	}
	if _, err := m.queues.SetQueue(m.ctx(), &pb.SetQueueRequest{Name: "q0", Fields: []string{"nope"}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an unknown field: %v", err)
	}
	for name, call := range map[string]func() error{
		"get":   func() error { _, err := m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "no"}); return err },
		"purge": func() error { _, err := m.queues.PurgeQueue(m.ctx(), &pb.PurgeQueueRequest{Name: "no"}); return err },
		"resume": func() error {
			_, err := m.queues.ResumeQueue(m.ctx(), &pb.ResumeQueueRequest{Name: "no"})
			return err
		},
	} {
		if err := call(); status.Code(err) != codes.NotFound {
			t.Errorf("%s of a queue that isn't there: %v", name, err)
		}
	}
}

func TestQueueModes(t *testing.T) {
	m := start(t)
	ctx := m.ctx()
	if _, err := m.queues.PauseQueue(ctx, &pb.PauseQueueRequest{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	w := m.work(hello("q"), 10)
	m.enqueue(some(3, "q")...)
	if out, err := m.queues.GetQueue(ctx, &pb.GetQueueRequest{Name: "q"}); err != nil || !out.GetQueue().GetPaused() || out.GetQueue().GetPending() != 3 {
		t.Fatalf("paused: %v, %v", out, err)
	}
	if _, err := m.queues.ResumeQueue(ctx, &pb.ResumeQueueRequest{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	w.until(func() bool { return len(w.tasks) == 3 })
	if _, err := m.queues.DrainQueue(ctx, &pb.DrainQueueRequest{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	out, err := m.tasks.Enqueue(ctx, &pb.EnqueueRequest{Tasks: some(1, "q")})
	if err != nil || out.GetResults()[0].GetError().GetReason() != "draining" {
		t.Errorf("a draining queue: %v, %v", out, err)
	}
	w.send(&pb.WorkRequest{Goodbye: true})
	w.end()
	purged, err := m.queues.PurgeQueue(ctx, &pb.PurgeQueueRequest{Name: "q"})
	if err != nil || purged.GetTasks() != 3 {
		t.Errorf("purge: %v, %v", purged, err)
	}
	m.until("the queue is empty", func() bool {
		out, err := m.queues.GetQueue(ctx, &pb.GetQueueRequest{Name: "q"})
		return err == nil && out.GetQueue().GetPending() == 0
	})
	if n := m.late(); n != 0 {
		t.Errorf("%v late wake-ups", n)
	}
}

func TestExplain(t *testing.T) {
	m := start(t)
	explain := func(id string) *pb.ExplainTaskResponse {
		t.Helper()
		out, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.GetSummary(), "Task "+id) || !strings.HasSuffix(out.GetSummary(), ".") || strings.Contains(out.GetSummary(), "\n") {
			t.Errorf("summary %q", out.GetSummary())
		}
		return out
	}
	check := func(id string, codes ...string) {
		t.Helper()
		var got []string
		for _, r := range explain(id).GetReasons() {
			got = append(got, r.GetCode())
		}
		if strings.Join(got, " ") != strings.Join(codes, " ") {
			t.Errorf("reasons %v, not %v", got, codes)
		}
	}
	each := m.oneOfEach()
	check(each["completed"], "finished")
	check(each["cancelled"], "finished")
	check(each["dead"], "dead_letter")
	check(each["running"], "running")
	check(each["scheduled"], "delayed")
	if r := explain(each["scheduled"]).GetReasons()[0]; r.GetUntil().AsTime().Before(time.Now()) {
		t.Errorf("delayed until %v", r.GetUntil())
	}
	if s := explain(each["dead"]).GetSummary(); !strings.Contains(s, "broken") {
		t.Errorf("the dead letter's summary: %s", s)
	}
	check(each["pending"], "workers_busy")

	lonely := m.enqueue(some(3, "lonely")...)
	check(lonely[0], "no_worker")
	h := hello("lonely")
	h.Worker.Kinds = []string{"other"}
	picky := m.work(h, 5)
	check(lonely[0], "no_worker_for_kind")
	m.work(hello("lonely"), 0)
	check(lonely[0], "workers_busy")
	check(lonely[2], "waits_for_turn", "workers_busy")
	if r := explain(lonely[2]).GetReasons()[0]; r.GetPosition() != 2 {
		t.Errorf("position %d, not 2", r.GetPosition())
	}
	if _, err := m.queues.PauseQueue(m.ctx(), &pb.PauseQueueRequest{Name: "lonely"}); err != nil {
		t.Fatal(err)
	}
	check(lonely[0], "queue_paused")
	child := m.enqueue(&pb.NewTask{Queue: "lonely", DependsOn: lonely[:2]})[0]
	check(child, "blocked")

	failing := m.enqueue(&pb.NewTask{Queue: "lonely", Kind: "other"})[0]
	if _, err := m.queues.ResumeQueue(m.ctx(), &pb.ResumeQueueRequest{Name: "lonely"}); err != nil {
		t.Fatal(err)
	}
	picky.until(func() bool { return len(picky.tasks) == 1 })
	picky.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{{
		TaskId: failing, Token: picky.tasks[0].GetToken(), Result: &pb.Outcome_Failed{Failed: &pb.Failure{Message: "flaky", RetryAfterSeconds: 60}},
	}}})
	picky.until(func() bool { return len(picky.acked) == 1 })
	check(failing, "retry_backoff")
	if s := explain(failing).GetSummary(); !strings.Contains(s, "flaky") || !strings.Contains(s, "once") {
		t.Errorf("the retried task's summary: %s", s)
	}
	_, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: task.ID(1 << 50).String()})
	if status.Code(err) != codes.NotFound {
		t.Errorf("a task that isn't there: %v", err)
	}
}

func TestStatusOfMember(t *testing.T) {
	m := start(t)
	m.enqueue(some(2, "q")...)
	out, err := m.cluster.GetStatus(m.ctx(), &pb.GetStatusRequest{})
	if err != nil || out.GetNodeId() != "n1" || out.GetRole() != "leader" || out.GetLeaderId() != "n1" || out.GetVersion() != "test" ||
		out.GetLiveTasks() != 2 || len(out.GetMembers()) != 1 || out.GetMembers()[0].GetRole() != "voter" || !out.GetMembers()[0].GetLeader() {
		t.Errorf("%v, %v", out, err)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("", uint32(0))
	f.Add(cursor{kind: listLive, query: 7, a: 9}.String(), uint32(7))
	f.Add(cursor{kind: listLive, a: 1, b: 2, name: "q"}.String(), uint32(0))
	f.Fuzz(func(t *testing.T, s string, query uint32) {
		c, err := parseCursor(s, listLive, query)
		if err != nil || s == "" {
			return
		}
		if again, err := parseCursor(c.String(), listLive, query); err != nil || again != c {
			t.Errorf("%q: %+v, then %+v, %v", s, c, again, err)
		}
	})
}
