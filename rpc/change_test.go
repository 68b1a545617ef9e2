package rpc

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// oneOfEach makes a task in each state that matters and returns their IDs by name.
func (m *member) oneOfEach() map[string]string {
	m.t.Helper()
	s := m.session("each")
	names := []string{"completed", "dead", "running", "cancelled", "pending", "scheduled"}
	ids := map[string]string{}
	for _, name := range names {
		t := &pb.NewTask{Queue: "each", Kind: name, Payload: []byte(name), Labels: map[string]string{"name": name}}
		if name == "scheduled" {
			t.DelaySeconds = 3600
		}
		ids[name] = m.enqueue(t)[0]
	}
	leased := m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 3})
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: ids["completed"], Token: leased[0].GetToken()}); err != nil {
		m.t.Fatal(err)
	}
	_, err := m.workers.Fail(m.ctx(), &pb.FailRequest{TaskId: ids["dead"], Token: leased[1].GetToken(), Failure: &pb.Failure{Message: "broken", Permanent: true}})
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: []string{ids["cancelled"]}}); err != nil {
		m.t.Fatal(err)
	}
	ids["missing"] = task.ID(1 << 50).String()
	return ids
}

// What every call for many does to tasks in every state.
func TestChanges(t *testing.T) {
	type outcome map[string]codes.Code
	ok, wrong, missing := codes.OK, codes.FailedPrecondition, codes.NotFound
	for name, c := range map[string]struct {
		call  func(m *member, ids []string, request string) ([]*pb.TaskResult, error)
		want  outcome
		after map[string]pb.Task_State
	}{
		"cancel": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: ids, RequestId: request})
				return out.GetResults(), err
			},
			outcome{"completed": wrong, "dead": ok, "running": ok, "cancelled": ok, "pending": ok, "scheduled": ok, "missing": missing},
			map[string]pb.Task_State{"running": pb.Task_cancelled, "pending": pb.Task_cancelled},
		},
		"retry": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.RetryTasks(m.ctx(), &pb.RetryTasksRequest{Ids: ids, RequestId: request})
				return out.GetResults(), err
			},
			outcome{"completed": ok, "dead": ok, "running": wrong, "cancelled": ok, "pending": ok, "scheduled": ok, "missing": missing},
			map[string]pb.Task_State{"completed": pb.Task_completed, "dead": pb.Task_pending, "scheduled": pb.Task_pending},
		},
		"move": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.MoveTasks(m.ctx(), &pb.MoveTasksRequest{Ids: ids, Queue: "elsewhere", RequestId: request})
				return out.GetResults(), err
			},
			outcome{"completed": wrong, "dead": ok, "running": wrong, "cancelled": wrong, "pending": ok, "scheduled": ok, "missing": missing},
			map[string]pb.Task_State{"dead": pb.Task_dead_letter, "pending": pb.Task_pending},
		},
		"delete": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.DeleteTasks(m.ctx(), &pb.DeleteTasksRequest{Ids: ids, RequestId: request})
				return out.GetResults(), err
			},
			outcome{"completed": ok, "dead": ok, "running": wrong, "cancelled": ok, "pending": ok, "scheduled": ok, "missing": missing},
			map[string]pb.Task_State{"running": pb.Task_running, "completed": pb.Task_unspecified, "pending": pb.Task_unspecified},
		},
		"delete dead letters": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.DeleteTasks(m.ctx(), &pb.DeleteTasksRequest{
					Ids: ids, RequestId: request, OnlyState: pb.Task_dead_letter,
				})
				return out.GetResults(), err
			},
			outcome{"completed": wrong, "dead": ok, "running": wrong, "cancelled": wrong, "pending": wrong, "scheduled": wrong, "missing": missing},
			map[string]pb.Task_State{"dead": pb.Task_unspecified, "completed": pb.Task_completed, "pending": pb.Task_pending},
		},
		"reset": {
			func(m *member, ids []string, request string) ([]*pb.TaskResult, error) {
				out, err := m.tasks.ResetTasks(m.ctx(), &pb.ResetTasksRequest{Ids: ids, RequestId: request})
				return out.GetResults(), err
			},
			outcome{"completed": wrong, "dead": wrong, "running": ok, "cancelled": wrong, "pending": wrong, "scheduled": wrong, "missing": missing},
			map[string]pb.Task_State{"running": pb.Task_pending},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t)
			ids := m.oneOfEach()
			var list, names []string
			for name, id := range ids {
				list, names = append(list, id), append(names, name)
			}
			for round := range 2 { // the repeat gets the same answer
				results, err := c.call(m, list, "request")
				if err != nil {
					t.Fatal(err)
				}
				for i, r := range results {
					if got := codes.Code(r.GetError().GetCode()); got != c.want[names[i]] || r.GetId() != list[i] {
						t.Errorf("round %d, %s: %v, not %v", round, names[i], r, c.want[names[i]])
					}
				}
			}
			for name, want := range c.after {
				out, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[name]})
				if want == pb.Task_unspecified {
					if status.Code(err) != codes.NotFound {
						t.Errorf("%s is still there: %v, %v", name, out, err)
					}
				} else if out.GetTask().GetState() != want {
					t.Errorf("%s is %v, not %v", name, out.GetTask().GetState(), want)
				}
			}
		})
	}
}

// A finished task is retried as a new one that names it, once for each request.
func TestRetryFinished(t *testing.T) {
	m := start(t)
	ids := m.oneOfEach()
	var first string
	for range 2 {
		out, err := m.tasks.RetryTasks(m.ctx(), &pb.RetryTasksRequest{Ids: []string{ids["completed"]}, RequestId: "again"})
		if err != nil || out.GetResults()[0].GetNewId() == "" {
			t.Fatalf("%v, %v", out, err)
		}
		if id := out.GetResults()[0].GetNewId(); first == "" {
			first = id
		} else if id != first {
			t.Errorf("the repeated call made a second task")
		}
	}
	got := m.get(first)
	if got.GetState() != pb.Task_pending || got.GetRetryOf() != ids["completed"] || string(got.GetPayload()) != "completed" ||
		got.GetLabels()["name"] != "completed" {
		t.Errorf("the new task: %v", got)
	}
}

func TestReschedule(t *testing.T) {
	m := start(t)
	ids := m.oneOfEach()
	for name, c := range map[string]struct {
		req  *pb.RescheduleTaskRequest
		want codes.Code
	}{
		"later":        {&pb.RescheduleTaskRequest{Id: ids["pending"], DelaySeconds: 100}, codes.OK},
		"now":          {&pb.RescheduleTaskRequest{Id: ids["scheduled"]}, codes.OK},
		"priority":     {&pb.RescheduleTaskRequest{Id: ids["scheduled"], Priority: proto.Uint32(9)}, codes.OK},
		"running":      {&pb.RescheduleTaskRequest{Id: ids["running"]}, codes.FailedPrecondition},
		"completed":    {&pb.RescheduleTaskRequest{Id: ids["completed"]}, codes.FailedPrecondition},
		"missing":      {&pb.RescheduleTaskRequest{Id: ids["missing"]}, codes.NotFound},
		"bad priority": {&pb.RescheduleTaskRequest{Id: ids["pending"], Priority: proto.Uint32(10)}, codes.InvalidArgument},
		"negative":     {&pb.RescheduleTaskRequest{Id: ids["pending"], DelaySeconds: -1}, codes.InvalidArgument},
		"no ID":        {&pb.RescheduleTaskRequest{}, codes.InvalidArgument},
	} {
		if _, err := m.tasks.RescheduleTask(m.ctx(), c.req); status.Code(err) != c.want {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
	if got := m.get(ids["pending"]); got.GetState() != pb.Task_scheduled || got.GetRunAt() == nil {
		t.Errorf("put off: %v", got)
	}
	if got := m.get(ids["scheduled"]); got.GetPriority() != 9 {
		t.Errorf("preferred: %v", got)
	}
}
