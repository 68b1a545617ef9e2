package client

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// ScheduleOption is something that a schedule has besides its expression and its task's arguments. The servers check the values.
type ScheduleOption func(*rowlockv1.PutScheduleRequest) error

// InZone reads the expression on the clock of a time zone of the IANA's database, such as Europe/Berlin, instead of UTC.
func InZone(zone string) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Spec.TimeZone = zone; return nil }
}

// WithJitter lets each tick be due up to this much after its nominal time, always before the next one. At most 24 h.
func WithJitter(most time.Duration) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Spec.JitterSeconds = most.Seconds(); return nil }
}

// StartingAt lets no tick fire before.
func StartingAt(start time.Time) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Spec.StartAt = timestamppb.New(start); return nil }
}

// EndingAt lets no tick fire after.
func EndingAt(end time.Time) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Spec.EndAt = timestamppb.New(end); return nil }
}

// OnMisfire is what becomes of late ticks; MisfireFireOnce is usual. For MisfireCatchUp see CatchUp.
func OnMisfire(m Misfire) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error {
		p, ok := rowlockv1.Misfire_Policy_value[string(m)]
		if !ok {
			return fmt.Errorf("%w: misfire policy %q is unknown: fire_once, skip or catch_up", ErrInvalid, string(m))
		}
		r.Misfire.Policy = rowlockv1.Misfire_Policy(p)
		return nil
	}
}

// CatchUp lets up to n late ticks fire, the last ones. 1 to 1,000.
func CatchUp(n int) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error {
		r.Misfire.Policy, r.Misfire.CatchUpTicks = rowlockv1.Misfire_catch_up, bounded(n)
		return nil
	}
}

// MisfireGrace is how late a tick may be before it counts as missed; 60 s is usual, 1 s the least.
func MisfireGrace(d time.Duration) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Misfire.GraceSeconds = d.Seconds(); return nil }
}

// OnOverlap is what a tick does while a task of an earlier one hasn't ended; OverlapSkip is usual.
func OnOverlap(o Overlap) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error {
		p, ok := rowlockv1.Overlap_Policy_value[string(o)]
		if !ok {
			return fmt.Errorf("%w: overlap policy %q is unknown: skip, allow, queue_one, terminate or cancel", ErrInvalid, string(o))
		}
		r.Overlap = rowlockv1.Overlap_Policy(p)
		return nil
	}
}

// KeepTicks is how many ticks the history keeps at least; 100 is usual, 1,000 the most.
func KeepTicks(n int) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.HistoryTicks = bounded(n); return nil }
}

// StartPaused pauses the schedule too; Resume starts it.
func StartPaused() ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.Paused = true; return nil }
}

// PreviewOnly has the servers check the schedule and tell its next times, and store nothing.
func PreviewOnly() ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error { r.DryRun = true; return nil }
}

// TaskOptions are those of the task that each tick makes. RunAt and DependsOn aren't for schedules.
func TaskOptions(options ...Option) ScheduleOption {
	return func(r *rowlockv1.PutScheduleRequest) error {
		for _, o := range options {
			o(r.Task)
		}
		return nil
	}
}

func scheduleOf(p *rowlockv1.Schedule) *ScheduleInfo {
	s := &ScheduleInfo{
		Name:         p.GetName(),
		Expression:   p.GetSpec().GetExpression(),
		TimeZone:     p.GetSpec().GetTimeZone(),
		Jitter:       seconds(p.GetSpec().GetJitterSeconds()),
		StartAt:      at(p.GetSpec().GetStartAt()),
		EndAt:        at(p.GetSpec().GetEndAt()),
		Queue:        p.GetTask().GetQueue(),
		Kind:         p.GetTask().GetKind(),
		Payload:      p.GetTask().GetPayload(),
		Misfire:      Misfire(p.GetMisfire().GetPolicy().String()),
		CatchUp:      int(p.GetMisfire().GetCatchUpTicks()),
		Grace:        seconds(p.GetMisfire().GetGraceSeconds()),
		Overlap:      Overlap(p.GetOverlap().String()),
		HistoryTicks: int(p.GetHistoryTicks()),
		Paused:       p.GetPaused(),
		Revision:     p.GetRevision(),
		NextAt:       at(p.GetNextAt()),
		NextDueAt:    at(p.GetNextDueAt()),
		QueuedAt:     at(p.GetQueuedAt()),
		LiveTasks:    int(p.GetLiveTasks()),
		LiveTaskIDs:  p.GetLiveTaskIds(),
		CreatedAt:    at(p.GetCreatedAt()),
		UpdatedAt:    at(p.GetUpdatedAt()),
	}
	for _, t := range p.GetNextTimes() {
		s.NextTimes = append(s.NextTimes, t.AsTime())
	}
	return s
}

func tickOf(p *rowlockv1.ScheduleTick) *ScheduleTick {
	return &ScheduleTick{
		NominalAt:     at(p.GetNominalAt()),
		Outcome:       p.GetOutcome(),
		Origin:        p.GetOrigin(),
		TaskID:        p.GetTaskId(),
		Late:          seconds(p.GetLateSeconds()),
		Reason:        p.GetReason(),
		Message:       p.GetMessage(),
		MissedTicks:   int(p.GetMissedTicks()),
		LastNominalAt: at(p.GetLastNominalAt()),
	}
}
