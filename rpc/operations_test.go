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

// bury makes a dead letter of each error, in a queue.
func (m *member) bury(queue string, session uint64, errors ...string) []string {
	m.t.Helper()
	ids := m.enqueue(some(len(errors), queue)...)
	texts := map[string]string{}
	for i, id := range ids {
		texts[id] = errors[i]
	}
	for left := len(errors); left > 0; {
		for _, l := range m.lease(&pb.LeaseRequest{SessionId: session, MaxTasks: 100}) {
			left--
			req := &pb.FailRequest{TaskId: l.GetId(), Token: l.GetToken(), Failure: &pb.Failure{Message: texts[l.GetId()], Permanent: true}}
			if _, err := m.workers.Fail(m.ctx(), req); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	return ids
}

// operations is for calls that a group takes once its feature level has risen.
func (m *member) operations() pb.OperationServiceClient {
	m.t.Helper()
	m.until("the feature level", func() bool { return m.node.Status().FeatureLevel >= task.LevelFeatures })
	return pb.NewOperationServiceClient(m.conn)
}

// ended waits for an operation.
func (m *member) ended(id string) (op *pb.Operation) {
	m.t.Helper()
	m.until("the operation ends", func() bool {
		out, err := m.operations().GetOperation(m.ctx(), &pb.GetOperationRequest{Id: id})
		if err != nil {
			m.t.Fatal(err)
		}
		op = out.GetOperation()
		return op.GetEndedAt() != nil
	})
	return op
}

func TestOperation(t *testing.T) {
	m := start(t)
	s := m.session("q", "r")
	ids := m.bury("q", s, "dial tcp 10.0.0.1:80: i/o timeout", "no user \"ada\"", "dial tcp 10.0.0.2:443: i/o timeout")
	m.bury("r", s, "dial tcp 10.0.0.3:80: i/o timeout")
	sel := &pb.Selection{Queue: "q", Where: `error.contains("timeout")`}
	count, err := m.operations().CountOperation(m.ctx(), &pb.CountOperationRequest{Action: pb.Operation_retry, Selection: sel})
	if err != nil || count.GetMatched() != 2 || count.GetVisited() != 3 || !count.GetComplete() || len(count.GetExamples()) != 2 ||
		count.GetExamples()[0].GetId() != ids[0] {
		t.Errorf("%v, %v", count, err)
	}
	req := &pb.StartOperationRequest{
		Action: pb.Operation_retry, Selection: sel, Name: "ada", Expected: 2, Rate: 1000, RequestId: "one",
		Canary: &pb.Canary{WaitSeconds: 60},
	}
	out, err := m.operations().StartOperation(m.ctx(), req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.operations().StartOperation(m.ctx(), req)
	if err != nil || again.GetOperation().GetId() != out.GetOperation().GetId() {
		t.Errorf("the repeated call: %v, %v", again, err)
	}
	id := out.GetOperation().GetId()
	for range 2 { // one, and one percent of two
		var leased []*pb.LeasedTask
		m.until("the canary's task is there", func() bool {
			leased = m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 10})
			return len(leased) == 1
		})
		if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: leased[0].GetId(), Token: leased[0].GetToken()}); err != nil {
			t.Fatal(err)
		}
	}
	op := m.ended(id)
	if op.GetState() != pb.Operation_done || op.GetChanged() != 2 || op.GetVisited() != 3 || op.GetStage() != 3 ||
		op.GetCanary().GetMaxFailedPercent() != 10 || op.GetSelection().GetWhere() != sel.GetWhere() || op.GetName() != "ada" {
		t.Errorf("%v", op)
	}
	if got := m.get(ids[1]); got.GetState() != pb.Task_dead_letter || len(got.GetFingerprint()) != 16 {
		t.Errorf("%v", got)
	}
	_, err = m.operations().AbortOperation(m.ctx(), &pb.AbortOperationRequest{Id: id})
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "it is done") {
		t.Errorf("%v", err)
	}
}

// TestOperationsOverHTTP goes through the paths, and the pages.
func TestOperationsOverHTTP(t *testing.T) {
	m := start(t)
	m.operations()
	m.enqueue(some(5, "q")...)
	var ids []string
	for i := range 3 {
		out := m.json("POST", "/v1/operations", fmt.Sprintf(`{"action": "delete", "selection": {"queue": "q", "where": "payload_bytes == %d"}, "rate": 1}`, i))
		ids = append(ids, out["operation"].(map[string]any)["id"].(string))
		if i < 2 {
			m.ended(ids[i])
		}
	}
	if got := m.json("POST", "/v1/operations:count", `{"action": "cancel", "selection": {"states": ["pending"]}}`); got["matched"] != "5" || got["complete"] != true {
		t.Errorf("%v", got)
	}
	slow := m.json("POST", "/v1/operations", `{"action": "cancel", "rate": 1}`)["operation"].(map[string]any)["id"].(string)
	if got := m.json("POST", "/v1/operations/"+slow+":abort", `{}`)["operation"].(map[string]any); got["state"] != "aborted" {
		t.Errorf("%v", got)
	}
	var seen []string
	for cursor := ""; ; {
		got := m.json("GET", "/v1/operations?limit=3&cursor="+cursor, "")
		for _, op := range got["operations"].([]any) {
			seen = append(seen, op.(map[string]any)["id"].(string))
		}
		if cursor = got["next_cursor"].(string); cursor == "" {
			break
		}
	}
	if want := []string{slow, ids[2], ids[1], ids[0]}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", seen, want)
	}
	m.ended(ids[2])
	if got := m.json("GET", "/v1/operations?unfinished=true", ""); len(got["operations"].([]any)) != 0 {
		t.Errorf("%v", got)
	}
}

func TestDeadLetterGroups(t *testing.T) {
	m := start(t)
	s := m.session("q", "r")
	ids := m.bury("q", s, "user 1 is unknown", "boom", "user 22 is unknown", "user 333 is unknown")
	m.bury("r", s, "boom")
	list := func(req *pb.ListDeadLetterGroupsRequest) []*pb.DeadLetterGroup {
		t.Helper()
		out, err := m.operations().ListDeadLetterGroups(m.ctx(), req)
		if err != nil || !out.GetComplete() {
			t.Fatalf("%v, %v", out, err)
		}
		return out.GetGroups()
	}
	all := list(&pb.ListDeadLetterGroupsRequest{})
	if len(all) != 3 || all[0].GetTasks() != 3 || all[0].GetExampleId() != ids[3] || all[0].GetExampleError() != "user 333 is unknown" ||
		all[0].GetFirstAt().AsTime().After(all[0].GetLastAt().AsTime()) || all[0].GetExampleReason() != "failed" {
		t.Errorf("%v", all)
	}
	if some := list(&pb.ListDeadLetterGroupsRequest{Queue: "r"}); len(some) != 1 || some[0].GetQueue() != "r" || some[0].GetFingerprint() == all[0].GetFingerprint() {
		t.Errorf("%v", some)
	}
	if some := list(&pb.ListDeadLetterGroupsRequest{Where: `error == "boom"`, Limit: 1}); len(some) != 1 || some[0].GetTasks() != 1 {
		t.Errorf("%v", some)
	}
	where := fmt.Sprintf("fingerprint == %q", all[0].GetFingerprint())
	if got := m.all(&pb.ListTasksRequest{Where: where, Limit: 2}); fmt.Sprint(got) != fmt.Sprint([]string{ids[0], ids[2], ids[3]}) {
		t.Errorf("of the group: %v", got)
	}
}

// TestListWhere pages through live and finished tasks.
func TestListWhere(t *testing.T) {
	m := start(t)
	ids := m.enqueue(some(30, "q")...)
	want := ids[10:] // payload 10 and so on
	req := &pb.ListTasksRequest{Queue: "q", Where: `payload_bytes == 10`, Limit: 7}
	for _, omit := range []bool{true, false} {
		req.OmitPayload = omit
		if got := m.all(req); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	out, err := m.tasks.ListTasks(m.ctx(), req)
	if err != nil || string(out.GetTasks()[0].GetPayload()) != "payload 10" {
		t.Errorf("%v, %v", out.GetTasks(), err)
	}
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: ids}); err != nil {
		t.Fatal(err)
	}
	req.States = []pb.Task_State{pb.Task_cancelled}
	if got := m.all(req); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("finished: %v, want %v", got, want)
	}
}

func TestBadOperations(t *testing.T) {
	m := start(t)
	check := func(err error, code codes.Code, want string) {
		t.Helper()
		if status.Code(err) != code || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %v with %q", err, code, want)
		}
	}
	zero, much := -1.0, 101.0
	for want, req := range map[string]*pb.StartOperationRequest{
		"action is required":    {},
		"selection.queue \"/\"": {Action: pb.Operation_retry, Selection: &pb.Selection{Queue: "/"}},
		"selection.where: the filter is wrong at column 1: unknown name 'x'": {Action: pb.Operation_retry, Selection: &pb.Selection{Where: "x == 1"}},
		"selection.states[1] is running, which retry doesn't cover: it covers scheduled, dead_letter": {
			Action: pb.Operation_retry, Selection: &pb.Selection{States: []pb.Task_State{pb.Task_dead_letter, pb.Task_running}},
		},
		"mixes finished states": {
			Action: pb.Operation_delete, Selection: &pb.Selection{States: []pb.Task_State{pb.Task_dead_letter, pb.Task_completed}},
		},
		"rate must be at most":      {Action: pb.Operation_retry, Rate: 2_000_000},
		"canary is for retry":       {Action: pb.Operation_cancel, Canary: &pb.Canary{}},
		"canary.wait_seconds":       {Action: pb.Operation_retry, Canary: &pb.Canary{WaitSeconds: 0.1}},
		"canary.max_failed_percent": {Action: pb.Operation_retry, Canary: &pb.Canary{MaxFailedPercent: &zero}},
		"percent must be 0 to 100":  {Action: pb.Operation_retry, Canary: &pb.Canary{MaxFailedPercent: &much}},
		"name has":                  {Action: pb.Operation_retry, Name: strings.Repeat("x", 200)},
		"request_id has":            {Action: pb.Operation_retry, RequestId: strings.Repeat("x", 65)},
	} {
		_, err := m.operations().StartOperation(m.ctx(), req)
		check(err, codes.InvalidArgument, want)
	}
	_, err := m.operations().GetOperation(m.ctx(), &pb.GetOperationRequest{Id: "x"})
	check(err, codes.InvalidArgument, "no operation's ID")
	_, err = m.operations().GetOperation(m.ctx(), &pb.GetOperationRequest{Id: "0000000000999"})
	check(err, codes.NotFound, "no operation 0000000000999")
	_, err = m.operations().StartOperation(m.ctx(), &pb.StartOperationRequest{Action: pb.Operation_retry, Selection: &pb.Selection{Queue: "typo"}})
	check(err, codes.NotFound, `no queue "typo"`)
	_, err = m.operations().AbortOperation(m.ctx(), &pb.AbortOperationRequest{Id: "0000000000999"})
	check(err, codes.NotFound, "no operation 0000000000999")
	_, err = m.tasks.ListTasks(m.ctx(), &pb.ListTasksRequest{Where: "priority"})
	check(err, codes.InvalidArgument, "where: the filter yields a int")
	_, err = m.operations().ListDeadLetterGroups(m.ctx(), &pb.ListDeadLetterGroupsRequest{Where: "("})
	check(err, codes.InvalidArgument, "where: the filter is wrong")
}

// TestExplainOperation: a task says what is going to be done to it.
func TestExplainOperation(t *testing.T) {
	m := start(t)
	ids := m.bury("q", m.session("q"), "one", "two", "three")
	sel := &pb.Selection{States: []pb.Task_State{pb.Task_dead_letter}, Where: `error != "two"`}
	out, err := m.operations().StartOperation(m.ctx(), &pb.StartOperationRequest{
		Action: pb.Operation_retry, Selection: sel, Canary: &pb.Canary{WaitSeconds: 3600}, Expected: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.until("the canary waits", func() bool { return m.get(ids[0]).GetState() == pb.Task_pending })
	for i, want := range []string{"", "", "is what operation " + out.GetOperation().GetId() + " (retry, waiting_canary) is going to retry"} {
		x, err := m.tasks.ExplainTask(m.ctx(), &pb.ExplainTaskRequest{Id: ids[i]})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range x.GetReasons() {
			if r.GetCode() == "operation" {
				got = r.GetMessage()
			}
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("task %d: %q, want %q", i, got, want)
		}
	}
}
