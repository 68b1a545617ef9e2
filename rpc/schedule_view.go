package rpc

import (
	"context"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// viewSchedule is a schedule as the API shows it; in lists without what may be large.
func viewSchedule(s *task.Schedule, whole bool) *pb.Schedule {
	out := &pb.Schedule{
		Name: s.Name, Task: viewTemplate(&s.Template, whole), Paused: s.Paused, Revision: s.Revision,
		Spec: &pb.ScheduleSpec{
			Expression: s.Spec.Expression, TimeZone: s.Spec.TimeZone, JitterSeconds: seconds(s.Spec.Jitter),
			StartAt: timestamp(s.Spec.Start), EndAt: timestamp(s.Spec.End),
		},
		Misfire: viewMisfire(&s.Policy), Overlap: overlaps[s.Policy.Overlap], HistoryTicks: s.Policy.Ledger,
		NextAt: timestamp(s.Next), NextDueAt: timestamp(s.Due), QueuedAt: timestamp(s.Queued), LiveTasks: uint32(len(s.Live)),
		CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt),
	}
	if whole {
		out.LiveTaskIds = idStrings(s.Live)
	}
	return out
}

func viewMisfire(p *task.SchedulePolicy) *pb.Misfire {
	m := &pb.Misfire{CatchUpTicks: p.CatchUp, GraceSeconds: seconds(p.Grace)}
	switch p.Misfire {
	case task.MisfireSkip:
		m.Policy = pb.Misfire_skip
	case task.MisfireCatchUp:
		m.Policy = pb.Misfire_catch_up
	default:
		m.Policy = pb.Misfire_fire_once
	}
	return m
}

// viewTemplate is the task that a tick makes, as it was given.
func viewTemplate(t *task.NewTask, payload bool) *pb.NewTask {
	priority := uint32(t.Priority)
	out := &pb.NewTask{
		Queue: t.Queue, Kind: t.Kind, Priority: &priority, DelaySeconds: seconds(t.Delay), MaxAttempts: uint32(t.MaxAttempts),
		MaxWorkerDeaths: uint32(t.MaxWorkerDeaths), TimeoutSeconds: seconds(t.Timeout), TtlSeconds: seconds(t.TTL),
		UniqueKey: t.UniqueKey, UniqueWindowSeconds: seconds(t.UniqueWindow), FairKey: t.FairKey, Labels: labelMap(t.Labels),
		TraceContext: t.TraceContext, Backoff: viewBackoff(t.Backoff),
	}
	if payload {
		out.Payload = t.Payload
	}
	if t.UniqueKey != "" {
		switch t.UniqueMode {
		case task.UniqueReturn:
			out.UniqueMode = pb.UniqueMode_return
		case task.UniqueReplace:
			out.UniqueMode = pb.UniqueMode_replace
		default:
			out.UniqueMode = pb.UniqueMode_reject
		}
	}
	return out
}

func (s *scheduleService) ListScheduleHistory(ctx context.Context, req *pb.ListScheduleHistoryRequest) (*pb.ListScheduleHistoryResponse, error) {
	if err := checkScheduleName(req.GetName()); err != nil {
		return nil, err
	}
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	at, err := parseCursor(req.GetCursor(), listScheduleHistory, queryHash(nil, req.GetName()))
	if err != nil {
		return nil, err
	}
	out := &pb.ListScheduleHistoryResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		entries, ok := v.ScheduleLedger(req.GetName(), at.a, limit)
		if !ok {
			return noSchedule(req.GetName())
		}
		for i := range entries {
			out.Ticks = append(out.Ticks, viewTick(req.GetName(), &entries[i]))
		}
		if len(entries) == limit {
			at.a = entries[limit-1].Sequence
			out.NextCursor = at.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func viewTick(schedule string, e *task.LedgerEntry) *pb.ScheduleTick {
	out := &pb.ScheduleTick{
		NominalAt: timestamp(e.Nominal), Outcome: e.Outcome.String(), Origin: e.Origin.String(), LateSeconds: seconds(e.Late),
	}
	if e.Task != 0 {
		out.TaskId = e.Task.String()
	}
	if e.Outcome == task.TickMissed {
		out.MissedTicks, out.LastNominalAt = e.Missed, timestamp(e.Last)
	}
	if e.Outcome == task.TickSkipped {
		why := partStatus(tickError(schedule, task.Item{ID: e.Task, Code: e.Code}))
		out.Reason, out.Message = why.GetReason(), why.GetMessage()
		if e.Code == task.ScheduleOverlap { // the entry has the task, and everybody knows the schedule
			out.Message = e.Code.Error()
		}
	}
	return out
}
