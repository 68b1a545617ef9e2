package rpc

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// schedules returns a client, once the group's feature level has risen to where schedules are known.
func (m *member) schedules() pb.ScheduleServiceClient {
	m.t.Helper()
	m.until("the feature level", func() bool { return m.node.Status().FeatureLevel >= 3 })
	return pb.NewScheduleServiceClient(m.conn)
}

func daily(name string) *pb.PutScheduleRequest {
	return &pb.PutScheduleRequest{
		Name: name, Spec: &pb.ScheduleSpec{Expression: "30 2 * * *", TimeZone: "Europe/Berlin"},
		Task: &pb.NewTask{Queue: "reports", Kind: "build", Payload: []byte("{{schedule}}")},
	}
}

// TestScheduleLifecycle goes through all calls.
func TestScheduleLifecycle(t *testing.T) {
	m := start(t)
	c, ctx := m.schedules(), m.ctx()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dry := daily("nightly")
	dry.DryRun = true
	put, err := c.PutSchedule(ctx, dry)
	check(err)
	if s := put.GetSchedule(); len(s.GetNextTimes()) != 5 || s.GetRevision() != 0 {
		t.Errorf("dry run: %v", s)
	}
	if _, err := c.GetSchedule(ctx, &pb.GetScheduleRequest{Name: "nightly"}); status.Code(err) != codes.NotFound {
		t.Errorf("after a dry run there is a schedule: %v", err)
	}
	put, err = c.PutSchedule(ctx, daily("nightly"))
	check(err)
	s := put.GetSchedule()
	if s.GetRevision() != 1 || s.GetMisfire().GetGraceSeconds() != 60 || s.GetHistoryTicks() != 100 || string(s.GetTask().GetPayload()) != "{{schedule}}" ||
		!s.GetNextAt().AsTime().After(time.Now()) || !s.GetNextTimes()[0].AsTime().Equal(s.GetNextAt().AsTime()) {
		t.Errorf("put: %v", s)
	}
	trigger, err := c.TriggerSchedule(ctx, &pb.TriggerScheduleRequest{Name: "nightly", RequestId: "a"})
	check(err)
	again, err := c.TriggerSchedule(ctx, &pb.TriggerScheduleRequest{Name: "nightly", RequestId: "a"})
	check(err)
	if again.GetTaskId() != trigger.GetTaskId() {
		t.Errorf("the same trigger made %s and %s", trigger.GetTaskId(), again.GetTaskId())
	}
	if x := m.get(trigger.GetTaskId()); x.GetSchedule() != "nightly" || string(x.GetPayload()) != "nightly" || x.GetNominalAt() == nil {
		t.Errorf("its task: %v", x)
	}
	_, err = c.TriggerSchedule(ctx, &pb.TriggerScheduleRequest{Name: "nightly"})
	if reasonOf(status.Convert(err)) != "schedule_overlap" || !strings.Contains(err.Error(), trigger.GetTaskId()) {
		t.Errorf("a trigger that overlaps: %v", err)
	}
	check2 := func(_ any, err error) { t.Helper(); check(err) }
	check2(c.PauseSchedule(ctx, &pb.PauseScheduleRequest{Name: "nightly"}))
	got, err := c.GetSchedule(ctx, &pb.GetScheduleRequest{Name: "nightly"})
	check(err)
	if s := got.GetSchedule(); !s.GetPaused() || s.GetNextAt() != nil || len(s.GetNextTimes()) != 0 || len(s.GetLiveTaskIds()) != 1 || s.GetLiveTasks() != 1 {
		t.Errorf("paused: %v", s)
	}
	check2(c.ResumeSchedule(ctx, &pb.ResumeScheduleRequest{Name: "nightly"}))
	backfill := &pb.BackfillScheduleRequest{Name: "nightly", From: timestamppb.New(time.Now().AddDate(0, 0, -3)), DryRun: true, RequestId: "b"}
	told, err := c.BackfillSchedule(ctx, backfill)
	check(err)
	backfill.DryRun = false
	made, err := c.BackfillSchedule(ctx, backfill)
	check(err)
	repeated, err := c.BackfillSchedule(ctx, backfill)
	check(err)
	if n := len(made.GetResults()); n != 3 || len(told.GetResults()) != n || told.GetResults()[0].GetTaskId() != "" || fmt.Sprint(made) != fmt.Sprint(repeated) {
		t.Errorf("backfill told %v, made %v, then %v", told, made, repeated)
	}
	history, err := c.ListScheduleHistory(ctx, &pb.ListScheduleHistoryRequest{Name: "nightly", Limit: 4})
	check(err)
	rest, err := c.ListScheduleHistory(ctx, &pb.ListScheduleHistoryRequest{Name: "nightly", Limit: 4, Cursor: history.GetNextCursor()})
	check(err)
	ticks := append(history.GetTicks(), rest.GetTicks()...)
	if len(ticks) != 5 || ticks[0].GetOrigin() != "backfill" || ticks[3].GetReason() != "schedule_overlap" || ticks[4].GetOrigin() != "trigger" ||
		ticks[4].GetTaskId() != trigger.GetTaskId() {
		t.Errorf("history: %v", ticks)
	}
	for i := range 3 {
		check2(c.PutSchedule(ctx, daily(fmt.Sprint("list-", i))))
	}
	page, err := c.ListSchedules(ctx, &pb.ListSchedulesRequest{Limit: 2, Prefix: "list-"})
	check(err)
	last, err := c.ListSchedules(ctx, &pb.ListSchedulesRequest{Limit: 2, Prefix: "list-", Cursor: page.GetNextCursor()})
	check(err)
	if len(page.GetSchedules()) != 2 || len(last.GetSchedules()) != 1 || last.GetSchedules()[0].GetName() != "list-2" || page.GetSchedules()[0].GetTask().GetPayload() != nil {
		t.Errorf("pages: %v, %v", page, last)
	}
	check2(c.DeleteSchedule(ctx, &pb.DeleteScheduleRequest{Name: "nightly"}))
	for _, err := range []error{
		second(c.DeleteSchedule(ctx, &pb.DeleteScheduleRequest{Name: "nightly"})), second(c.PauseSchedule(ctx, &pb.PauseScheduleRequest{Name: "nightly"})),
		second(c.TriggerSchedule(ctx, &pb.TriggerScheduleRequest{Name: "nightly"})), second(c.ResumeSchedule(ctx, &pb.ResumeScheduleRequest{Name: "nightly"})),
		second(c.ListScheduleHistory(ctx, &pb.ListScheduleHistoryRequest{Name: "nightly"})), second(c.BackfillSchedule(ctx, backfill)),
	} {
		if reasonOf(status.Convert(err)) != "no_such_schedule" || !strings.Contains(err.Error(), `no schedule "nightly"`) {
			t.Errorf("a schedule that isn't there: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestScheduleListIsBounded: schedules with much to tell come in pages that fit into an answer.
func TestScheduleListIsBounded(t *testing.T) {
	m := start(t)
	c, ctx := m.schedules(), m.ctx()
	const n = 300
	labels := map[string]string{}
	for i := range maxLabels {
		labels[fmt.Sprint(i)] = strings.Repeat("v", maxLabelValue)
	}
	for i := range n {
		req := daily(fmt.Sprintf("s%03d", i))
		req.Task.Labels = labels
		if _, err := c.PutSchedule(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	pages, got := 0, 0
	for cursor := ""; pages == 0 || cursor != ""; pages++ {
		page, err := c.ListSchedules(ctx, &pb.ListSchedulesRequest{Limit: 1000, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.GetSchedules() {
			if s.GetName() != fmt.Sprintf("s%03d", got) {
				t.Fatalf("schedule %d is %s", got, s.GetName())
			}
			got++
		}
		cursor = page.GetNextCursor()
	}
	if got != n || pages < 2 {
		t.Errorf("%d schedules in %d pages", got, pages)
	}
}

// TestScheduleErrors: what can't be is refused with the field's name, and nothing is stored.
func TestScheduleErrors(t *testing.T) {
	m := start(t)
	c, ctx := m.schedules(), m.ctx()
	now := time.Now()
	for want, change := range map[string]func(*pb.PutScheduleRequest){
		"name is required":                   func(r *pb.PutScheduleRequest) { r.Name = "" },
		`name "a b" is no schedule name`:     func(r *pb.PutScheduleRequest) { r.Name = "a b" },
		"spec.expression is required":        func(r *pb.PutScheduleRequest) { r.Spec = nil },
		`spec.expression "0 0 30 2 *" never`: func(r *pb.PutScheduleRequest) { r.Spec.Expression = "0 0 30 2 *" },
		`spec.time_zone "Mars" is unknown`:   func(r *pb.PutScheduleRequest) { r.Spec.TimeZone = "Mars" },
		"spec.jitter_seconds must be":        func(r *pb.PutScheduleRequest) { r.Spec.JitterSeconds = 1e6 },
		"spec.end_at is before start": func(r *pb.PutScheduleRequest) {
			r.Spec.StartAt, r.Spec.EndAt = timestamppb.New(now), timestamppb.New(now.Add(-1e9))
		},
		"spec.end_at is before the first tick": func(r *pb.PutScheduleRequest) { r.Spec.EndAt = timestamppb.New(now.Add(-1e9)) },
		"task is required":                     func(r *pb.PutScheduleRequest) { r.Task = nil },
		"task.queue is required":               func(r *pb.PutScheduleRequest) { r.Task.Queue = "" },
		"task.run_at can't be given":           func(r *pb.PutScheduleRequest) { r.Task.RunAt = timestamppb.New(now) },
		"task.depends_on can't be given":       func(r *pb.PutScheduleRequest) { r.Task.DependsOn = []string{"0000000000001"} },
		"task.dependencies can't be given": func(r *pb.PutScheduleRequest) {
			r.Task.Dependencies = []*pb.Dependency{{TaskId: "0000000000001", When: pb.Dependency_any}}
		},
		"task.on_parent_failure can't be given": func(r *pb.PutScheduleRequest) { r.Task.OnParentFailure = pb.ParentFailure_cancel },
		"task.batch_id can't be given":          func(r *pb.PutScheduleRequest) { r.Task.BatchId = "0000000000001" },
		"task.payload has up to":                func(r *pb.PutScheduleRequest) { r.Task.Payload = []byte(strings.Repeat("{{nominal_time}}", 15_000)) },
		"task.payload has 262145 bytes":         func(r *pb.PutScheduleRequest) { r.Task.Payload = make([]byte, 256<<10+1) },
		"misfire.policy 9 is unknown":           func(r *pb.PutScheduleRequest) { r.Misfire = &pb.Misfire{Policy: 9} },
		"misfire.catch_up_ticks must be":        func(r *pb.PutScheduleRequest) { r.Misfire = &pb.Misfire{Policy: pb.Misfire_catch_up} },
		"misfire.catch_up_ticks is for":         func(r *pb.PutScheduleRequest) { r.Misfire = &pb.Misfire{CatchUpTicks: 3} },
		"misfire.grace_seconds must be":         func(r *pb.PutScheduleRequest) { r.Misfire = &pb.Misfire{GraceSeconds: 0.1} },
		"overlap 7 is unknown":                  func(r *pb.PutScheduleRequest) { r.Overlap = 7 },
		"history_ticks must be":                 func(r *pb.PutScheduleRequest) { r.HistoryTicks = 1001 },
		"request_id has 65 bytes":               func(r *pb.PutScheduleRequest) { r.RequestId = strings.Repeat("x", 65) },
	} {
		req := daily("s")
		change(req)
		if _, err := c.PutSchedule(ctx, req); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if list, err := c.ListSchedules(ctx, &pb.ListSchedulesRequest{}); err != nil || len(list.GetSchedules()) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if _, err := c.PutSchedule(ctx, daily("s")); err != nil {
		t.Fatal(err)
	}
	for want, req := range map[string]*pb.BackfillScheduleRequest{
		"from is required":     {Name: "s"},
		"to is in the future":  {Name: "s", From: timestamppb.New(now), To: timestamppb.New(now.Add(time.Hour))},
		"to is before from":    {Name: "s", From: timestamppb.New(now), To: timestamppb.New(now.Add(-time.Hour))},
		"max_ticks must be":    {Name: "s", From: timestamppb.New(now), MaxTicks: 2001},
		"more than 2 ticks":    {Name: "s", From: timestamppb.New(now.AddDate(0, 0, -5)), MaxTicks: 2},
		"cursor is not":        nil,
		"limit must be 1 to":   nil,
		"prefix has 129 bytes": nil,
	} {
		var err error
		switch {
		case req != nil:
			_, err = c.BackfillSchedule(ctx, req)
		case strings.HasPrefix(want, "cursor"):
			_, err = c.ListScheduleHistory(ctx, &pb.ListScheduleHistoryRequest{Name: "s", Cursor: "x"})
		case strings.HasPrefix(want, "limit"):
			_, err = c.ListSchedules(ctx, &pb.ListSchedulesRequest{Limit: 1001})
		default:
			_, err = c.ListSchedules(ctx, &pb.ListSchedulesRequest{Prefix: strings.Repeat("p", 129)})
		}
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// TestScheduleFires: a schedule makes tasks by itself, and its worker learns for which tick; over HTTP too.
func TestScheduleFires(t *testing.T) {
	m := start(t)
	m.schedules()
	body := `{"spec":{"expression":"* * * * * *"},"task":{"queue":"q","payload_json":{"for":"{{nominal_time}}"}},"overlap":"queue_one"}`
	m.json(http.MethodPut, "/v1/schedules/often", body)
	session, err := m.workers.OpenSession(m.ctx(), &pb.OpenSessionRequest{Worker: &pb.WorkerInfo{WorkerId: "w", Queues: []*pb.QueueWeight{{Queue: "q"}}}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for len(seen) < 2 {
		leased, err := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: session.GetSessionId(), MaxTasks: 1, WaitSeconds: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range leased.GetTasks() {
			nominal := x.GetRelated().GetNominalAt().AsTime().Format(time.RFC3339)
			if x.GetRelated().GetSchedule() != "often" || string(x.GetPayload()) != fmt.Sprintf(`{"for":%q}`, nominal) || seen[nominal] {
				t.Errorf("leased %v", x)
			}
			seen[nominal] = true
			if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: x.GetId(), Token: x.GetToken()}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
