package rpc

import (
	"errors"
	"time"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/cron"
)

const (
	// defaultGrace is how late a tick may be, in seconds, before it counts as missed.
	defaultGrace = 60
	// shownTimes is how many of the next times are told.
	shownTimes = 5
)

// put checks a schedule. Which tick comes first is still to be found.
func (s *scheduleService) put(req *pb.PutScheduleRequest) (*task.PutSchedule, *cron.Schedule, error) {
	c := &task.PutSchedule{Name: req.GetName(), Paused: req.GetPaused()}
	parsed, err := scheduleSpec(&c.Spec, req.GetSpec())
	if err != nil {
		return nil, nil, err
	}
	if err := schedulePolicy(&c.Policy, req); err != nil {
		return nil, nil, err
	}
	return c, parsed, s.template(c, req.GetTask())
}

func scheduleSpec(out *task.ScheduleSpec, in *pb.ScheduleSpec) (*cron.Schedule, error) {
	out.Expression, out.TimeZone = in.GetExpression(), in.GetTimeZone()
	var err error
	if out.Jitter, err = microseconds("spec.", "jitter_seconds", in.GetJitterSeconds()); err != nil {
		return nil, err
	}
	if out.Start, err = moment("spec.", "start_at", in.GetStartAt()); err != nil {
		return nil, err
	}
	if out.End, err = moment("spec.", "end_at", in.GetEndAt()); err != nil {
		return nil, err
	}
	parsed, err := cron.Stored(out)
	return parsed, specError(err)
}

// specError gives what is wrong with a schedule's times the API's names.
func specError(err error) error {
	var field *cron.FieldError
	if !errors.As(err, &field) {
		return err
	}
	name := field.Field
	switch name {
	case "jitter":
		name = "jitter_seconds"
	case "start", "end":
		name += "_at"
	}
	return invalid("spec.%s %s", name, field.Problem)
}

func schedulePolicy(out *task.SchedulePolicy, req *pb.PutScheduleRequest) (err error) {
	m := req.GetMisfire()
	switch m.GetPolicy() {
	case pb.Misfire_fire_once:
		out.Misfire = task.MisfireFireOnce
	case pb.Misfire_skip:
		out.Misfire = task.MisfireSkip
	case pb.Misfire_catch_up:
		out.Misfire = task.MisfireCatchUp
	default:
		return invalid("misfire.policy %d is unknown: fire_once, skip or catch_up", int32(m.GetPolicy()))
	}
	n := m.GetCatchUpTicks()
	switch catchUp := out.Misfire == task.MisfireCatchUp; {
	case catchUp && (n < 1 || n > task.MaxCatchUp):
		return invalid("misfire.catch_up_ticks must be 1 to %d with policy catch_up, not %d", task.MaxCatchUp, n)
	case !catchUp && n != 0:
		return invalid("misfire.catch_up_ticks is for policy catch_up")
	}
	out.CatchUp = n
	grace := m.GetGraceSeconds()
	if grace == 0 {
		grace = defaultGrace
	}
	if grace > 0 && grace < 1 {
		return invalid("misfire.grace_seconds must be at least 1: a tick is always late a little")
	}
	if out.Grace, err = microseconds("misfire.", "grace_seconds", grace); err != nil {
		return err
	}
	overlap, ok := overlapOf(req.GetOverlap())
	if !ok {
		return invalid("overlap %d is unknown: skip, allow, queue_one, terminate or cancel", int32(req.GetOverlap()))
	}
	out.Overlap, out.Ledger = overlap, req.GetHistoryTicks()
	if out.Ledger > task.MaxScheduleLedger {
		return invalid("history_ticks must be 1 to %d, not %d", task.MaxScheduleLedger, out.Ledger)
	}
	return nil
}

func overlapOf(p pb.Overlap_Policy) (task.OverlapPolicy, bool) {
	for o, w := range overlaps {
		if w == p {
			return task.OverlapPolicy(o), true
		}
	}
	return 0, false
}

// overlaps are the API's words for the machine's policies.
var overlaps = [...]pb.Overlap_Policy{
	task.OverlapSkip: pb.Overlap_skip, task.OverlapAllow: pb.Overlap_allow, task.OverlapQueueOne: pb.Overlap_queue_one,
	task.OverlapTerminate: pb.Overlap_terminate, task.OverlapCancel: pb.Overlap_cancel,
}

// template checks the task that each tick makes.
func (s *scheduleService) template(c *task.PutSchedule, in *pb.NewTask) error {
	t := &c.Template
	if in == nil {
		return invalid("task is required: what each tick enqueues")
	}
	if err := s.limits.newTask(t, in); err != nil {
		return invalid("task.%v", err)
	}
	switch {
	case t.RunAt != 0:
		return invalid("task.run_at can't be given, as each tick makes a task: the spec says when; delay_seconds counts from the tick")
	case len(t.DependsOn) > 0:
		return invalid("task.depends_on can't be given: a schedule's task waits for no others")
	case len(t.Edges) > 0:
		return invalid("task.dependencies can't be given: a schedule's task waits for no others")
	case in.GetOnParentFailure() != pb.ParentFailure_parent_failure_default:
		return invalid("task.on_parent_failure can't be given: a schedule's task waits for no others")
	case t.Batch != 0:
		return invalid("task.batch_id can't be given: a batch is closed one day, and a schedule goes on")
	}
	longest := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
	if n := len(task.ExpandPayload(t.Payload, c.Name, longest)); n > s.limits.PayloadBytes {
		return invalid("task.payload has up to %d bytes when its placeholders are filled in, but may have at most %d", n, s.limits.PayloadBytes)
	}
	return nil
}

// preview is what a put would make.
func preview(c *task.PutSchedule) *task.Schedule {
	v := &task.Schedule{Name: c.Name, Spec: c.Spec, Policy: c.Policy, Template: c.Template, Paused: c.Paused, Next: c.Next, Due: c.Due}
	if v.Policy.Ledger == 0 {
		v.Policy.Ledger = task.DefaultScheduleLedger
	}
	return v
}
