package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/cron"
)

// scheduleService implements rowlock.v1.ScheduleService.
type scheduleService struct {
	pb.UnimplementedScheduleServiceServer
	node   Node
	limits Limits
	now    func() time.Time
}

// checkSchedule checks what most calls have: a name and a request's ID.
func checkSchedule(req interface {
	GetName() string
	GetRequestId() string
}) error {
	if err := checkScheduleName(req.GetName()); err != nil {
		return err
	}
	return checkRequestID(req.GetRequestId())
}

func checkScheduleName(name string) error {
	if name == "" {
		return invalid("name is required: the schedule's name")
	}
	if !validQueue(name) { // schedules are named by the same rule
		return invalid("name %q is no schedule name: %s", clip(name), queueRule)
	}
	return nil
}

func (s *scheduleService) PutSchedule(ctx context.Context, req *pb.PutScheduleRequest) (*pb.PutScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	cmd, parsed, err := s.put(req)
	if err != nil {
		return nil, err
	}
	now, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	cmd.Next, cmd.Due = parsed.Tick(cmd.Name, now)
	if cmd.Next == 0 {
		return nil, invalid("spec.end_at is before the first tick that would come: the schedule would never fire")
	}
	if req.GetDryRun() {
		out := viewSchedule(preview(cmd), true)
		out.NextTimes = nextTimes(parsed, cmd.Next)
		return &pb.PutScheduleResponse{Schedule: out}, nil
	}
	if _, err := propose(ctx, s.node, once(req.GetRequestId(), cmd), false); err != nil {
		return nil, err
	}
	out, err := s.read(ctx, req.GetName(), false)
	if err != nil {
		return nil, err
	}
	return &pb.PutScheduleResponse{Schedule: out}, nil
}

// clock is the time from which on ticks are looked for: this node's, or the state's if that is ahead.
func (s *scheduleService) clock(ctx context.Context) (now task.Time, err error) {
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		now = max(s.now().UnixMicro(), v.Now())
		return nil
	})
	return now, err
}

func (s *scheduleService) GetSchedule(ctx context.Context, req *pb.GetScheduleRequest) (*pb.GetScheduleResponse, error) {
	lag := lagOf(s.node, req)
	out, err := s.read(ctx, req.GetName(), req.GetStale())
	if err != nil {
		return nil, err
	}
	return &pb.GetScheduleResponse{Schedule: out, Lag: lag}, nil
}

// read returns a schedule with the times at which it fires next.
func (s *scheduleService) read(ctx context.Context, name string, stale bool) (*pb.Schedule, error) {
	v, err := s.schedule(ctx, name, stale)
	if err != nil {
		return nil, err
	}
	out := viewSchedule(&v, true)
	if parsed, err := cron.Stored(&v.Spec); err == nil && v.Next != 0 {
		out.NextTimes = nextTimes(parsed, v.Next)
	}
	return out, nil
}

func (s *scheduleService) schedule(ctx context.Context, name string, stale bool) (out task.Schedule, err error) {
	if err := checkScheduleName(name); err != nil {
		return out, err
	}
	err = s.node.Read(ctx, stale, func(v *raftfsm.View) error {
		var ok bool
		if out, ok = v.Schedule(name); !ok {
			return noSchedule(name)
		}
		return nil
	})
	return out, err
}

func noSchedule(name string) error {
	return &scheduleError{name: name, code: task.NoSuchSchedule}
}

func (s *scheduleService) ListSchedules(ctx context.Context, req *pb.ListSchedulesRequest) (*pb.ListSchedulesResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	if err := checkLength("", "prefix", req.GetPrefix(), maxName); err != nil {
		return nil, err
	}
	at, err := parseCursor(req.GetCursor(), listSchedules, queryHash(nil, req.GetPrefix()))
	if err != nil {
		return nil, err
	}
	out := &pb.ListSchedulesResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		list := v.Schedules(req.GetPrefix(), at.name, limit)
		size := 0
		for i := range list {
			s := viewSchedule(&list[i], false)
			if size += proto.Size(s); size > maxReply && i > 0 {
				break
			}
			out.Schedules, at.name = append(out.Schedules, s), s.GetName()
		}
		if n := len(out.GetSchedules()); n == limit || n < len(list) {
			out.NextCursor = at.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *scheduleService) PauseSchedule(ctx context.Context, req *pb.PauseScheduleRequest) (*pb.PauseScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, req.GetName(), req.GetRequestId(), &task.SetSchedulePaused{Name: req.GetName(), Paused: true})
	return &pb.PauseScheduleResponse{}, err
}

// ResumeSchedule goes on with the first tick from now on.
func (s *scheduleService) ResumeSchedule(ctx context.Context, req *pb.ResumeScheduleRequest) (*pb.ResumeScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	v, err := s.schedule(ctx, req.GetName(), false)
	if err != nil {
		return nil, err
	}
	parsed, err := cron.Stored(&v.Spec)
	if err != nil {
		return nil, specError(err)
	}
	now, err := s.clock(ctx)
	if err != nil {
		return nil, err
	}
	cmd := &task.SetSchedulePaused{Name: v.Name}
	cmd.Next, cmd.Due = parsed.Tick(v.Name, now)
	_, err = s.change(ctx, v.Name, req.GetRequestId(), cmd)
	return &pb.ResumeScheduleResponse{}, err
}

func (s *scheduleService) DeleteSchedule(ctx context.Context, req *pb.DeleteScheduleRequest) (*pb.DeleteScheduleResponse, error) {
	if err := checkSchedule(req); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, req.GetName(), req.GetRequestId(), &task.DeleteSchedule{Name: req.GetName()})
	return &pb.DeleteScheduleResponse{}, err
}

// change proposes a command on one schedule; refusals name it.
func (s *scheduleService) change(ctx context.Context, name, requestID string, cmd task.Command) (task.Result, error) {
	res, err := propose(ctx, s.node, once(requestID, cmd), false)
	if res.Code == task.NoSuchSchedule {
		return res, noSchedule(name)
	}
	return res, err
}
