package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/cron"
)

const (
	// defaultBackfill is how many ticks a backfill may have unless the call says otherwise.
	defaultBackfill = 100
	// maxBackfillBytes bounds the payloads of one backfill.
	maxBackfillBytes = 64 << 20
)

func (s *scheduleService) TriggerSchedule(ctx context.Context, req *pb.TriggerScheduleRequest) (*pb.TriggerScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	res, err := s.change(ctx, req.GetName(), req.GetRequestId(), &task.TriggerSchedule{Name: req.GetName()})
	if err != nil {
		return nil, err
	}
	if len(res.Items) != 1 {
		return nil, errMixedUp
	}
	item := res.Items[0]
	switch {
	case item.Code != task.OK:
		return nil, tickError(req.GetName(), item)
	case item.ID == 0:
		return &pb.TriggerScheduleResponse{Queued: true}, nil
	}
	return &pb.TriggerScheduleResponse{TaskId: item.ID.String()}, nil
}

// tickError is why a tick made no task.
func tickError(schedule string, item task.Item) error {
	switch item.Code {
	case task.ScheduleOverlap, task.ScheduleFull:
		return &scheduleError{name: schedule, code: item.Code, id: item.ID}
	case task.Existing:
		return &scheduleError{name: schedule, code: task.UniqueTaken, id: item.ID}
	}
	return &taskError{id: item.ID, code: item.Code}
}

func (s *scheduleService) BackfillSchedule(ctx context.Context, req *pb.BackfillScheduleRequest) (*pb.BackfillScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	v, err := s.schedule(ctx, req.GetName(), false)
	if err != nil {
		return nil, err
	}
	now, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	nominals, err := backfillTicks(&v, req, now)
	if err != nil {
		return nil, err
	}
	if size := len(nominals) * (len(v.Template.Payload) + 1); size > maxBackfillBytes {
		return nil, invalid("the payloads of these %d ticks have %d bytes together, but may have at most %d: narrow the range",
			len(nominals), size, maxBackfillBytes)
	}
	out := &pb.BackfillScheduleResponse{Results: make([]*pb.BackfillResult, len(nominals))}
	for i, n := range nominals {
		out.Results[i] = &pb.BackfillResult{NominalAt: timestamp(n)}
	}
	if req.GetDryRun() || len(nominals) == 0 {
		return out, nil
	}
	res, err := s.change(ctx, v.Name, req.GetRequestId(), &task.BackfillSchedule{Name: v.Name, Nominals: nominals})
	if err != nil {
		return nil, err
	}
	if len(res.Items) > len(nominals) {
		return nil, errMixedUp
	}
	out.Results = out.Results[:len(res.Items)] // a repeated call without an end has come to further ticks meanwhile
	for i, item := range res.Items {
		if item.Code != task.OK {
			out.Results[i].Error = partStatus(tickError(v.Name, item))
			continue
		}
		out.Results[i].TaskId = item.ID.String()
	}
	return out, nil
}

// backfillTicks finds the ticks of a range.
func backfillTicks(v *task.Schedule, req *pb.BackfillScheduleRequest, now task.Time) ([]task.Time, error) {
	most := int(req.GetMaxTicks())
	if most == 0 {
		most = defaultBackfill
	}
	if most > task.MaxBackfill {
		return nil, invalid("max_ticks must be 1 to %d, not %d", task.MaxBackfill, most)
	}
	if req.GetFrom() == nil {
		return nil, invalid("from is required: the time from which on ticks are made up for")
	}
	from, err := moment("", "from", req.GetFrom())
	if err != nil {
		return nil, err
	}
	to, err := moment("", "to", req.GetTo())
	if err != nil {
		return nil, err
	}
	if req.GetTo() == nil {
		to = now
	}
	switch {
	case to > now:
		return nil, invalid("to is in the future: a backfill makes up for the past")
	case to < from:
		return nil, invalid("to is before from")
	}
	parsed, err := cron.Stored(&v.Spec)
	if err != nil {
		return nil, specError(err)
	}
	var nominals []task.Time
	for at, _ := parsed.Tick(v.Name, from-1); at != 0 && at <= to; at, _ = parsed.Tick(v.Name, at) {
		if len(nominals) == most {
			return nil, invalid("the range has more than %d ticks: narrow it, or raise max_ticks up to %d", most, task.MaxBackfill)
		}
		nominals = append(nominals, at)
	}
	return nominals, nil
}

func nextTimes(parsed *cron.Schedule, next task.Time) []*timestamppb.Timestamp {
	var out []*timestamppb.Timestamp
	for _, t := range parsed.NextTimes(time.UnixMicro(next-1), shownTimes) {
		out = append(out, timestamppb.New(t))
	}
	return out
}
