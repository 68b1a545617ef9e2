package rpc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		code   codes.Code
		reason string
	}{
		"invalid":         {invalid("x must be y"), codes.InvalidArgument, "invalid"},
		"wrapped":         {fmt.Errorf("reading: %w", notFound("no queue")), codes.NotFound, "not_found"},
		"unique":          {&taskError{id: 1, code: task.UniqueTaken}, codes.AlreadyExists, "unique_taken"},
		"stale":           {&taskError{id: 1, code: task.StaleToken}, codes.FailedPrecondition, "stale_token"},
		"code":            {task.UnknownSession, codes.FailedPrecondition, "unknown_session"},
		"not leader":      {&raftfsm.NotLeaderError{}, codes.Unavailable, "not_leader"},
		"unknown outcome": {fmt.Errorf("x: %w", raftfsm.ErrUnknownOutcome), codes.Unavailable, "unknown_outcome"},
		"restored":        {fmt.Errorf("x: %w", raftfsm.ErrRestored), codes.FailedPrecondition, "restored"},
		"once more":       {onceMore(raftfsm.ErrRestored, true), codes.Aborted, "restored"},
		"not once more":   {onceMore(raftfsm.ErrRestored, false), codes.FailedPrecondition, "restored"},
		"overloaded":      {raftfsm.ErrOverloaded, codes.ResourceExhausted, "overloaded"},
		"full disk":       {fmt.Errorf("x: %w", raftfsm.ErrNoSpace), codes.ResourceExhausted, "no_space"},
		"too large":       {raftfsm.ErrTooLarge, codes.InvalidArgument, "too_large"},
		"stopping":        {raftfsm.ErrStopped, codes.Unavailable, "stopping"},
		"deadline":        {context.DeadlineExceeded, codes.DeadlineExceeded, "deadline"},
		"cancelled":       {context.Canceled, codes.Canceled, "cancelled"},
		"of gRPC":         {status.Error(codes.Unimplemented, "x"), codes.Unimplemented, ""},
		"other":           {errors.New("disk on fire"), codes.Internal, "internal"},
	} {
		s := toStatus(c.err)
		if s.Code() != c.code || reasonOf(s) != c.reason || s.Message() == "" {
			t.Errorf("%s: %v, reason %q", name, s, reasonOf(s))
		}
	}
	if toStatus(nil) != nil || partStatus(nil) != nil {
		t.Error("nil isn't nil")
	}
}

// Every refusal of the machine has a status of its own.
func TestEveryCode(t *testing.T) {
	for c := task.UniqueTaken; c <= task.Invalid; c++ {
		if s := toStatus(c); s.Code() == codes.OK || s.Code() == codes.Internal || reasonOf(s) == "" {
			t.Errorf("%v: %v", c, s)
		}
	}
}

func TestStatusDetails(t *testing.T) {
	info := func(s *status.Status) (info *errdetails.ErrorInfo, retry *errdetails.RetryInfo) {
		for _, d := range s.Details() {
			switch d := d.(type) {
			case *errdetails.ErrorInfo:
				info = d
			case *errdetails.RetryInfo:
				retry = d
			}
		}
		return info, retry
	}
	taken, _ := info(toStatus(&taskError{id: 42, code: task.UniqueTaken}))
	if taken.GetMetadata()["task_id"] != task.ID(42).String() || taken.GetDomain() != errorDomain {
		t.Errorf("a taken key: %v", taken)
	}
	if _, retry := info(toStatus(raftfsm.ErrOverloaded)); retry.GetRetryDelay().AsDuration() != retryOverloaded {
		t.Errorf("overloaded: %v", retry)
	}
	err := withHint(&raftfsm.NotLeaderError{Leader: "n2:7301"}, func() string { return "n2:7300" })
	if leader, _ := info(toStatus(err)); leader.GetMetadata()["leader"] != "n2:7300" || leaderHint(err).Get(LeaderHeader)[0] != "n2:7300" {
		t.Errorf("the leader is elsewhere: %v", leader)
	}
	if leaderHint(&raftfsm.NotLeaderError{Leader: "n2:7301"}) != nil {
		t.Error("the leader's Raft address was told")
	}
}
