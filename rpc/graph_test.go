package rpc

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (m *member) workflows() pb.WorkflowServiceClient { return pb.NewWorkflowServiceClient(m.conn) }

// step is a task of a graph; a parent is a ref, or with ! one whose failure, with ? one whose end it waits for.
func step(ref string, parents ...string) *pb.NewTask {
	t := &pb.NewTask{Queue: "g", Ref: ref}
	for _, p := range parents {
		d := &pb.Dependency{Ref: strings.TrimLeft(p, "!?")}
		switch p[0] {
		case '!':
			d.When = pb.Dependency_failure
		case '?':
			d.When = pb.Dependency_any
		}
		t.Dependencies = append(t.Dependencies, d)
	}
	return t
}

func (m *member) graph(tasks ...*pb.NewTask) *pb.EnqueueGraphResponse {
	m.t.Helper()
	out, err := m.workflows().EnqueueGraph(m.ctx(), &pb.EnqueueGraphRequest{Name: "test", Tasks: tasks})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// Whatever is wrong with one task refuses the whole graph, with its ref, the field and what it may be.
func TestBadGraphs(t *testing.T) {
	m := start(t)
	if _, err := m.queues.DrainQueue(m.ctx(), &pb.DrainQueueRequest{Name: "drained"}); err != nil {
		t.Fatal(err)
	}
	taken := m.enqueue(&pb.NewTask{Queue: "g", UniqueKey: "k"})[0]
	many := make([]*pb.NewTask, 1001)
	for i := range many {
		many[i] = step(fmt.Sprintf("t%d", i))
	}
	with := func(t *pb.NewTask, change func(*pb.NewTask)) *pb.NewTask { change(t); return t }
	large := func(ref string, n int) *pb.NewTask {
		return with(step(ref), func(t *pb.NewTask) { t.Payload = make([]byte, n) })
	}
	labels := map[string]string{}
	for i := range 30 {
		labels[fmt.Sprintf("label-%d", i)] = strings.Repeat("x", 250)
	}
	heavy := func() (list []*pb.NewTask) {
		for i := range 100 {
			list = append(list, with(step(fmt.Sprint("t", i)), func(t *pb.NewTask) { t.Labels = labels }))
		}
		return list
	}
	for name, x := range map[string]struct {
		code  codes.Code
		want  string
		tasks []*pb.NewTask
	}{
		"empty":         {codes.InvalidArgument, "tasks is required", nil},
		"too many":      {codes.InvalidArgument, "tasks has 1001 tasks, but a graph may have at most 1000", many},
		"payloads":      {codes.InvalidArgument, "a graph may have at most 262144 in all", []*pb.NewTask{large("a", 200_000), large("b", 100_000)}},
		"bytes":         {codes.InvalidArgument, "a graph may take at most 409600", heavy()},
		"no ref":        {codes.InvalidArgument, "tasks[1].ref is required", []*pb.NewTask{step("a"), step("")}},
		"nil":           {codes.InvalidArgument, "tasks[0].ref is required", []*pb.NewTask{nil}},
		"bad ref":       {codes.InvalidArgument, `tasks[0].ref "a b" is no name`, []*pb.NewTask{step("a b")}},
		"duplicate ref": {codes.InvalidArgument, `tasks[2].ref "a" is that of tasks[0] too`, []*pb.NewTask{step("a"), step("b"), step("a")}},
		"unknown ref":   {codes.InvalidArgument, `task "b": dependencies[1].ref "x" is no task of the graph`, []*pb.NewTask{step("a"), step("b", "a", "x")}},
		"debounced": {codes.InvalidArgument, `task "a": unique_mode debounce isn't for a graph`, []*pb.NewTask{
			{Ref: "a", Queue: "q", UniqueKey: "k", UniqueMode: pb.UniqueMode_debounce, DelaySeconds: 1},
		}},
		"itself": {codes.InvalidArgument, `task "a": dependencies form a cycle, in which nothing can run: a -> a`, []*pb.NewTask{step("a", "a")}},
		"cycle":  {codes.InvalidArgument, "a -> b -> c -> a", []*pb.NewTask{step("x"), step("a", "c"), step("b", "a", "x"), step("c", "b")}},
		"twice":  {codes.InvalidArgument, `task "b": dependencies[1] names a a second time`, []*pb.NewTask{step("a"), step("b", "a", "!a")}},
		"field":  {codes.InvalidArgument, `task "b": max_attempts must be at most 10000`, []*pb.NewTask{step("a"), with(step("b"), func(t *pb.NewTask) { t.MaxAttempts = 10_001 })}},
		"queue":  {codes.InvalidArgument, `task "a": queue "?" is no queue name`, []*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.Queue = "?" })}},
		"when": {codes.InvalidArgument, `task "b": dependencies[0].when 9 is unknown: success, failure or any`,
			[]*pb.NewTask{step("a"), with(step("b", "a"), func(t *pb.NewTask) { t.Dependencies[0].When = 9 })}},
		"policy": {codes.InvalidArgument, `task "a": on_parent_failure 9 is unknown`, []*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.OnParentFailure = 9 })}},
		"both": {codes.InvalidArgument, `task "b": dependencies[0] has task_id and ref`,
			[]*pb.NewTask{step("a"), with(step("b", "a"), func(t *pb.NewTask) { t.Dependencies[0].TaskId = taken })}},
		"neither": {codes.InvalidArgument, `task "a": dependencies[0].task_id is required`,
			[]*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.Dependencies = []*pb.Dependency{{}} })}},
		"no ID": {codes.InvalidArgument, `task "a": dependencies[0].task_id "zz" is not a task ID`,
			[]*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.Dependencies = []*pb.Dependency{{TaskId: "zz"}} })}},
		"same key": {codes.InvalidArgument, `task "b": unique_key "n" is that of task "a" too`,
			[]*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.UniqueKey = "n" }), with(step("b"), func(t *pb.NewTask) { t.UniqueKey = "n" })}},
		"unknown parent": {codes.NotFound, `task "b": dependencies[0].task_id: no task 0000000000ZZZ`,
			[]*pb.NewTask{step("a"), with(step("b"), func(t *pb.NewTask) { t.Dependencies = []*pb.Dependency{{TaskId: "0000000000ZZZ"}} })}},
		"no batch": {codes.NotFound, `task "b": batch_id: no such batch`,
			[]*pb.NewTask{step("a"), with(step("b", "a"), func(t *pb.NewTask) { t.BatchId = nobody })}},
		"draining": {codes.FailedPrecondition, `task "b": queue: the queue is being drained`,
			[]*pb.NewTask{step("a"), with(step("b", "a"), func(t *pb.NewTask) { t.Queue = "drained" })}},
		"key taken": {codes.AlreadyExists, `task "b": unique_key: the unique key is taken by task ` + taken,
			[]*pb.NewTask{step("a"), with(step("b", "a"), func(t *pb.NewTask) { t.UniqueKey = "k" })}},
		"replaces its parent": {codes.FailedPrecondition, `task "b": unique_key, which the graph depends on and would replace`,
			[]*pb.NewTask{with(step("a"), func(t *pb.NewTask) { t.DependsOn = []string{taken} }),
				with(step("b", "a"), func(t *pb.NewTask) { t.UniqueKey, t.UniqueMode = "k", pb.UniqueMode_replace })}},
	} {
		_, err := m.workflows().EnqueueGraph(m.ctx(), &pb.EnqueueGraphRequest{Tasks: x.tasks})
		if status.Code(err) != x.code || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s is refused with %v, not %v %q", name, err, x.code, x.want)
		}
	}
	if n := m.count("g"); n != 1 {
		t.Errorf("refused graphs made %d tasks", n-1)
	}
	out, err := m.workflows().ListWorkflows(m.ctx(), &pb.ListWorkflowsRequest{})
	if err != nil || len(out.GetWorkflows()) != 0 {
		t.Errorf("refused graphs made %v, %v", out, err)
	}
}

// Outside of a graph there are no refs.
func TestBadDependencies(t *testing.T) {
	m := start(t)
	for want, x := range map[string]*pb.NewTask{
		"ref is for the tasks of a graph":                  step("a"),
		"dependencies[0].ref is for the tasks of a graph":  step("", "a"),
		"dependencies and depends_on have 101 tasks":       {Queue: "g", Dependencies: make([]*pb.Dependency, 101)},
		"dependencies[0].task_id is no task's":             {Queue: "g", Dependencies: []*pb.Dependency{{TaskId: "0000000000000"}}},
		"dependencies[0] names 0000000000001 a second tim": {Queue: "g", DependsOn: []string{"0000000000001"}, Dependencies: []*pb.Dependency{{TaskId: "0000000000001"}}},
	} {
		_, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{x}})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%v is refused with %v, not %q", x, err, want)
		}
	}
}

// The order of a graph's tasks stays as it is, as far as parents come first.
func TestGraphOrder(t *testing.T) {
	m := start(t)
	out := m.graph(step("d", "b", "c"), step("x"), step("b", "a"), step("c", "a"), step("a"))
	var last string
	for _, ref := range []string{"a", "b", "c", "d", "x"} {
		if id := out.GetTaskIds()[ref]; id <= last {
			t.Errorf("%s is %s, not after %s", ref, id, last)
		} else {
			last = id
		}
	}
	if out.GetWorkflowId() != out.GetTaskIds()["a"] {
		t.Errorf("the workflow is %s, its first task %s", out.GetWorkflowId(), out.GetTaskIds()["a"])
	}
}

// run leases the tasks that are ready and ends them: with their ref as result, or as failed for good. It returns what was known
// of their parents.
func (m *member) runGraph(session uint64, fail ...string) map[string][]string {
	m.t.Helper()
	got := map[string][]string{}
	for _, l := range m.leaseAll(session) {
		task := m.get(l.GetId())
		parents := []string{}
		for _, p := range l.GetRelated().GetParents() {
			parents = append(parents, fmt.Sprintf("%s %v %s", p.GetRef(), p.GetState(), p.GetResult()))
		}
		got[task.GetRef()] = parents
		var err error
		if len(fail) > 0 && fail[0] == task.GetRef() {
			_, err = m.workers.Fail(m.ctx(), &pb.FailRequest{TaskId: l.GetId(), Token: l.GetToken(), Failure: &pb.Failure{Message: "no", Permanent: true}})
		} else {
			_, err = m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: l.GetId(), Token: l.GetToken(), Result: []byte("did " + task.GetRef())})
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	return got
}

func (m *member) leaseAll(session uint64) []*pb.LeasedTask {
	m.t.Helper()
	out, err := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: session, MaxTasks: 100, WaitSeconds: 10})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetTasks()
}

func (m *member) workflow(id string) *pb.Workflow {
	m.t.Helper()
	out, err := m.workflows().GetWorkflow(m.ctx(), &pb.GetWorkflowRequest{Id: id})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetWorkflow()
}

// Results flow through a diamond, and compensation runs on failure and only then.
func TestGraphRuns(t *testing.T) {
	m := start(t)
	s := m.session("g")
	id := m.graph(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"), step("undo", "!d")).GetWorkflowId()
	ran := map[string][]string{}
	for len(ran) < 4 {
		for ref, parents := range m.runGraph(s) {
			ran[ref] = parents
		}
	}
	want := "map[a:[] b:[a completed did a] c:[a completed did a] d:[b completed did b c completed did c]]"
	if got := fmt.Sprint(ran); got != want {
		t.Errorf("ran %s, want %s", got, want)
	}
	m.until("the workflow is completed", func() bool { return m.workflow(id).GetState() == pb.Workflow_completed })
	if w := m.workflow(id); w.GetCounts().GetCompleted() != 4 || w.GetCounts().GetCancelled() != 1 || w.GetEndedAt() == nil {
		t.Errorf("the workflow ended as %v", w)
	}

	out := m.graph(step("a"), step("b", "a"), step("c", "b"), step("undo", "!b"), step("always", "?c"))
	m.runGraph(s)
	m.runGraph(s, "b")
	ran = map[string][]string{}
	for len(ran) < 2 {
		for ref, parents := range m.runGraph(s) {
			ran[ref] = parents
		}
	}
	if got, want := fmt.Sprint(ran), "map[always:[c dead_letter ] undo:[b dead_letter ]]"; got != want {
		t.Errorf("after a failure ran %s, want %s", got, want)
	}
	m.until("the workflow has failed", func() bool { return m.workflow(out.GetWorkflowId()).GetState() == pb.Workflow_failed })
	why, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: out.GetTaskIds()["c"]})
	if want := fmt.Sprintf(`depends on task %s "b" (dead_letter) and is in the dead letter queue`, out.GetTaskIds()["b"]); err != nil || !strings.Contains(why.GetSummary(), want) {
		t.Errorf("explained as %q, %v", why.GetSummary(), err)
	}
	list, err := m.workflows().ListWorkflows(m.ctx(), &pb.ListWorkflowsRequest{Limit: 1})
	if err != nil || len(list.GetWorkflows()) != 1 || list.GetWorkflows()[0].GetId() != out.GetWorkflowId() || list.GetNextCursor() == "" {
		t.Fatalf("the newest workflow is %v, %v", list, err)
	}
	list, err = m.workflows().ListWorkflows(m.ctx(), &pb.ListWorkflowsRequest{Cursor: list.GetNextCursor()})
	if err != nil || len(list.GetWorkflows()) != 1 || list.GetWorkflows()[0].GetId() != id {
		t.Errorf("the next page is %v, %v", list, err)
	}
}

// A blocked task says which parents it waits for; a cancelled workflow ends; a repeated call is executed once.
func TestWorkflowCancel(t *testing.T) {
	m := start(t)
	req := &pb.EnqueueGraphRequest{RequestId: "once", Tasks: []*pb.NewTask{step("a"), step("b"), step("c", "a", "!b")}}
	var ids []string
	for range 2 {
		out, err := m.workflows().EnqueueGraph(m.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, out.GetWorkflowId(), out.GetTaskIds()["c"])
	}
	if ids[0] != ids[2] || ids[1] != ids[3] {
		t.Errorf("a repeated call made %v", ids)
	}
	why, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: ids[1]})
	if want := `waits for task 0000000000001 "a" to complete (it is pending), task 0000000000002 "b" to fail (it is pending).`; err != nil || !strings.HasSuffix(why.GetSummary(), want) {
		t.Errorf("explained as %q, %v", why.GetSummary(), err)
	}
	cancelled, err := m.workflows().CancelWorkflow(m.ctx(), &pb.CancelWorkflowRequest{Id: ids[0]})
	if err != nil || cancelled.GetTasks() != 3 {
		t.Fatalf("cancelled %v, %v", cancelled, err)
	}
	m.until("the workflow is cancelled", func() bool { return m.workflow(ids[0]).GetState() == pb.Workflow_cancelled })
	out, err := m.workflows().GetWorkflow(m.ctx(), &pb.GetWorkflowRequest{Id: ids[0], WithTasks: true})
	if err != nil || len(out.GetTasks()) != 3 || out.GetTasks()[2].GetReason() != "cancelled" || len(out.GetTasks()[2].GetDependencies()) != 2 {
		t.Errorf("its tasks are %v, %v", out, err)
	}
	for name, call := range map[string]func() error{
		"get": func() error {
			_, err := m.workflows().GetWorkflow(m.ctx(), &pb.GetWorkflowRequest{Id: ids[1]})
			return err
		},
		"cancel": func() error {
			_, err := m.workflows().CancelWorkflow(m.ctx(), &pb.CancelWorkflowRequest{Id: ids[1]})
			return err
		},
	} {
		if err := call(); status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "its ID is that of its first task") {
			t.Errorf("%s of a workflow that isn't: %v", name, err)
		}
	}
}

// A task that is enqueued when its parent has ended still gets the result.
func TestEndedParent(t *testing.T) {
	m := start(t)
	s := m.session("g")
	m.graph(step("a"))
	parent := m.leaseAll(s)[0]
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: parent.GetId(), Token: parent.GetToken(), Result: []byte("late")}); err != nil {
		t.Fatal(err)
	}
	m.enqueue(&pb.NewTask{Queue: "g", DependsOn: []string{parent.GetId()}})
	child := m.leaseAll(s)[0]
	if p := child.GetRelated().GetParents(); len(p) != 1 || string(p[0].GetResult()) != "late" || p[0].GetRef() != "a" || p[0].GetState() != pb.Task_completed {
		t.Errorf("the child's parents are %v", p)
	}
}
