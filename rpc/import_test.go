package rpc

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

func (m *member) importTasks(req *pb.ImportTasksRequest) []*pb.ImportResult {
	m.t.Helper()
	out, err := m.tasks.ImportTasks(m.ctx(), req)
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetResults()
}

func (m *member) delete(ids ...string) {
	m.t.Helper()
	out, err := m.tasks.DeleteTasks(m.ctx(), &pb.DeleteTasksRequest{Ids: ids})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range out.GetResults() {
		if r.GetError() != nil {
			m.t.Fatal(r)
		}
	}
}

// reasons of results, in their order; "" for those that were put back.
func importReasons(results []*pb.ImportResult) (reasons []string) {
	for _, r := range results {
		reasons = append(reasons, r.GetError().GetReason())
	}
	return reasons
}

// TestImportIsExact deletes tasks of all live states and puts back what was read of them: they are as they were.
func TestImportIsExact(t *testing.T) {
	m := start(t)
	rich := &pb.NewTask{
		Queue: "q", Kind: "k", Payload: []byte{0, 0xff, '\n'}, Priority: proto.Uint32(0), DelaySeconds: 3600, MaxAttempts: 7, MaxWorkerDeaths: 2,
		TimeoutSeconds: 12.5, TtlSeconds: 7200, UniqueKey: "u", UniqueWindowSeconds: 9000, FairKey: "tenant", Labels: map[string]string{"a": "b"},
		TraceContext: "00-1-2-01", Backoff: &pb.Backoff{InitialSeconds: 2, MaximumSeconds: 60, Multiplier: 1.5},
		SingletonKey: "s", StickyKey: "st", Require: map[string]string{"zone": "x"},
	}
	parent := m.enqueue(&pb.NewTask{Queue: "later", DelaySeconds: 3600})[0]
	child := &pb.NewTask{
		Queue: "q", Kind: "child", Dependencies: []*pb.Dependency{{TaskId: parent, When: pb.Dependency_any}}, OnParentFailure: pb.ParentFailure_cancel,
	}
	ids := append(m.enqueue(rich, child), m.oneOfEach()["dead"])
	before := map[string]*pb.Task{}
	var tasks []*pb.Task
	for _, id := range ids {
		before[id] = m.get(id)
		tasks = append(tasks, before[id])
	}
	m.delete(ids...)
	for range 2 { // the repeat gets the answer of the first time
		for i, r := range m.importTasks(&pb.ImportTasksRequest{Tasks: tasks, RequestId: "import"}) {
			if r.GetError() != nil || r.GetId() != ids[i] || r.GetState() != tasks[i].GetState() {
				t.Fatalf("%v", r)
			}
		}
	}
	for id, want := range before {
		want.Token, want.StartedAt = 0, nil // of the lease that it had
		if got := m.get(id); !proto.Equal(got, want) {
			t.Errorf("put back:\n got %v\nwant %v", got, want)
		}
	}
	if got := importReasons(m.importTasks(&pb.ImportTasksRequest{Tasks: tasks})); strings.Join(got, " ") != "task_exists task_exists task_exists" {
		t.Fatalf("once more: %v", got)
	}
}

// TestImportStates puts back tasks that were in every state.
func TestImportStates(t *testing.T) {
	m := start(t)
	one := func(n int, state pb.Task_State) *pb.Task {
		return &pb.Task{
			Id: task.ID(n).String(), Queue: "q", State: state, Attempt: 3, RetryCount: 2, MaxAttempts: 5,
			Errors: []*pb.TaskError{{Attempt: 2, Cause: "failed", Message: "no"}},
		}
	}
	all := []*pb.Task{
		one(11, pb.Task_pending), one(12, pb.Task_scheduled), one(13, pb.Task_running), one(14, pb.Task_completed), one(15, pb.Task_cancelled),
		one(16, pb.Task_dead_letter), one(17, pb.Task_blocked),
	}
	all[6].DependsOn = []string{task.ID(9).String()}
	dry := importReasons(m.importTasks(&pb.ImportTasksRequest{Tasks: all, DryRun: true}))
	want := "   finished finished  parent_missing"
	if strings.Join(dry, " ") != want {
		t.Fatalf("dry run: %q", dry)
	}
	if _, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: all[0].GetId()}); status.Code(err) != codes.NotFound {
		t.Fatalf("a dry run changes something: %v", err)
	}
	if got := importReasons(m.importTasks(&pb.ImportTasksRequest{Tasks: all})); strings.Join(got, " ") != want {
		t.Fatalf("%q", got)
	}
	for id, attempt := range map[int]uint32{11: 3, 12: 3, 13: 2, 16: 3} {
		got := m.get(task.ID(id).String())
		state := pb.Task_pending
		if id == 16 {
			state = pb.Task_dead_letter
		}
		if got.GetState() != state || got.GetAttempt() != attempt || got.GetRetryCount() != 2 || len(got.GetErrors()) != 1 {
			t.Errorf("task %d: %v", id, got)
		}
	}
	rerun := m.importTasks(&pb.ImportTasksRequest{Tasks: all[3:5], Rerun: true})
	if got := importReasons(rerun); strings.Join(got, "") != "" {
		t.Fatalf("rerun: %v", rerun)
	}
	if got := m.get(all[3].GetId()); got.GetState() != pb.Task_pending || got.GetAttempt() != 0 || got.GetRetryCount() != 0 {
		t.Fatalf("rerun: %v", got)
	}
	if next := m.enqueue(&pb.NewTask{Queue: "q"})[0]; next <= all[5].GetId() {
		t.Fatalf("a new task has the ID %s, below imported ones", next)
	}
}

// TestImportConflicts replaces what may be replaced, and tells what is in the way of the rest.
func TestImportConflicts(t *testing.T) {
	m := start(t)
	ids := m.oneOfEach()
	parent := m.enqueue(&pb.NewTask{Queue: "later", DelaySeconds: 3600})[0]
	m.enqueue(&pb.NewTask{Queue: "each", DependsOn: []string{parent}}, &pb.NewTask{Queue: "other", UniqueKey: "k"})
	var tasks []*pb.Task
	for _, id := range []string{ids["pending"], ids["scheduled"], ids["dead"], ids["running"], ids["completed"], ids["cancelled"], parent} {
		tasks = append(tasks, &pb.Task{Id: id, Queue: "again", State: pb.Task_pending, Payload: []byte("again")})
	}
	holder := m.enqueue(&pb.NewTask{Queue: "other", UniqueKey: "l"})[0]
	tasks = append(tasks, &pb.Task{Id: task.ID(1000).String(), Queue: "other", State: pb.Task_pending, UniqueKey: "l"},
		&pb.Task{Id: task.ID(1 << 60).String(), Queue: "other", State: pb.Task_pending})
	results := m.importTasks(&pb.ImportTasksRequest{Tasks: tasks, OnConflict: pb.ImportTasksRequest_replace})
	want := "   task_exists task_exists task_exists has_dependants unique_taken id_out_of_range"
	if got := strings.Join(importReasons(results), " "); got != want {
		t.Fatalf("replace:\n got %q\nwant %q", got, want)
	}
	if results[7].GetHolderId() != holder || results[4].GetState() != pb.Task_completed || results[3].GetState() != pb.Task_running {
		t.Fatalf("what is in the way: %v", results)
	}
	for _, name := range []string{"pending", "scheduled", "dead"} {
		if got := m.get(ids[name]); got.GetQueue() != "again" || got.GetState() != pb.Task_pending || string(got.GetPayload()) != "again" {
			t.Errorf("replaced %s: %v", name, got)
		}
	}
}

// TestImportFamilies puts back a parent and its child, whatever their order.
func TestImportFamilies(t *testing.T) {
	m := start(t)
	parent := m.enqueue(&pb.NewTask{Queue: "q", Kind: "parent"})[0]
	child := m.enqueue(&pb.NewTask{Queue: "q", Kind: "child", DependsOn: []string{parent}})[0]
	tasks := []*pb.Task{m.get(child), m.get(parent)}
	m.delete(child, parent)
	if got := importReasons(m.importTasks(&pb.ImportTasksRequest{Tasks: tasks[:1]})); got[0] != "parent_missing" {
		t.Fatalf("a child without its parent: %v", got)
	}
	if got := importReasons(m.importTasks(&pb.ImportTasksRequest{Tasks: tasks})); strings.Join(got, "") != "" {
		t.Fatal(got)
	}
	leased := m.lease(&pb.LeaseRequest{SessionId: m.session("q"), MaxTasks: 2})
	if len(leased) != 1 || leased[0].GetId() != parent {
		t.Fatalf("leased: %v", leased)
	}
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: parent, Token: leased[0].GetToken()}); err != nil {
		t.Fatal(err)
	}
	m.until("the child is pending", func() bool { return m.get(child).GetState() == pb.Task_pending })
}

// TestImportsTogether has several imports of the same tasks go on at the same time: each task comes back once.
func TestImportsTogether(t *testing.T) {
	m := start(t)
	const n, callers = 600, 3
	var tasks []*pb.Task
	for i := range n {
		tasks = append(tasks, &pb.Task{Id: task.ID(10 + i).String(), Queue: "q", State: pb.Task_pending, Payload: make([]byte, 2000)})
	}
	var wg sync.WaitGroup
	back := make([]int, callers)
	for c := range callers {
		wg.Go(func() {
			out, err := m.tasks.ImportTasks(m.ctx(), &pb.ImportTasksRequest{Tasks: tasks, RequestId: fmt.Sprint(c)})
			if err != nil {
				t.Error(err)
				return
			}
			for _, reason := range importReasons(out.GetResults()) {
				switch reason {
				case "":
					back[c]++
				case "task_exists":
				default:
					t.Errorf("refused: %s", reason)
				}
			}
		})
	}
	wg.Wait()
	if sum := back[0] + back[1] + back[2]; sum != n || m.count("q") != n {
		t.Fatalf("%d tasks came back %v times, and the queue has %d", n, back, m.count("q"))
	}
}

// TestBadImports refuses whole calls with one sentence that names the field.
func TestBadImports(t *testing.T) {
	m := start(t)
	good := func(change func(*pb.Task)) []*pb.Task {
		one := &pb.Task{Id: task.ID(7).String(), Queue: "q", State: pb.Task_pending}
		change(one)
		return []*pb.Task{one}
	}
	for want, req := range map[string]*pb.ImportTasksRequest{
		"tasks is required":        {},
		"id is required":           {Tasks: good(func(t *pb.Task) { t.Id = "" })},
		"not a task ID":            {Tasks: good(func(t *pb.Task) { t.Id = "nothing" })},
		"IDs begin with 1":         {Tasks: good(func(t *pb.Task) { t.Id = task.ID(0).String() })},
		"state is required":        {Tasks: good(func(t *pb.Task) { t.State = 0 })},
		"queue is required":        {Tasks: good(func(t *pb.Task) { t.Queue = "" })},
		"origin_queue":             {Tasks: good(func(t *pb.Task) { t.OriginQueue = "no queue" })},
		"read without its payload": {Tasks: good(func(t *pb.Task) { t.PayloadBytes = 3 })},
		"priority must be":         {Tasks: good(func(t *pb.Task) { t.Priority = 10 })},
		"errors[0].cause":          {Tasks: good(func(t *pb.Task) { t.Errors = []*pb.TaskError{{Cause: "bad luck"}} })},
		"reason":                   {Tasks: good(func(t *pb.Task) { t.State, t.Reason = pb.Task_dead_letter, "bad luck" })},
		"dependencies doesn't have": {Tasks: good(func(t *pb.Task) {
			t.State = pb.Task_blocked
			t.DependsOn = []string{task.ID(3).String()}
			t.Dependencies = []*pb.Dependency{{TaskId: task.ID(4).String()}}
		})},
		"on_conflict 9":              {OnConflict: 9, Tasks: good(func(*pb.Task) {})},
		"at most 1000":               {Tasks: make([]*pb.Task, 1001)},
		"worker_deaths must be":      {Tasks: good(func(t *pb.Task) { t.WorkerDeaths = 256 })},
		"tasks[1].id":                {Tasks: append(good(func(*pb.Task) {}), &pb.Task{})},
		"enqueued_at must be a time": {Tasks: good(func(t *pb.Task) { t.EnqueuedAt = &timestamppb.Timestamp{Seconds: -1} })},
	} {
		_, err := m.tasks.ImportTasks(m.ctx(), req)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
