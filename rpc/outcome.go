package rpc

import (
	"context"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// outcome checks and converts an outcome. It shares the message's result.
func (s *workerService) outcome(o *pb.Outcome) (out task.Outcome, err error) {
	if out.ID, err = taskID("outcomes.task_id", o.GetTaskId()); err != nil {
		return out, err
	}
	if out.Token = o.GetToken(); out.Token == 0 {
		return out, invalid("outcomes.token is required: the lease's token")
	}
	switch r := o.GetResult().(type) {
	case *pb.Outcome_Completed:
		return out, s.completed(&out, r.Completed)
	case *pb.Outcome_Failed:
		return out, failed(&out, r.Failed)
	case *pb.Outcome_SnoozedSeconds:
		out.Kind = task.OutcomeSnooze
		out.Delay, err = microseconds("outcomes.", "snoozed_seconds", r.SnoozedSeconds)
		return out, err
	case *pb.Outcome_Released:
		out.Kind = task.OutcomeRelease
		return out, nil
	}
	return out, invalid("outcomes.result is required: completed, failed, snoozed_seconds or released")
}

func (s *workerService) completed(out *task.Outcome, result []byte) error {
	if len(result) > s.limits.ResultBytes {
		return invalid("result has %d bytes, but may have at most %d", len(result), s.limits.ResultBytes)
	}
	out.Kind, out.Data = task.OutcomeComplete, result
	return nil
}

func failed(out *task.Outcome, f *pb.Failure) (err error) {
	out.Kind = task.OutcomeFail
	if f.GetPermanent() {
		out.Kind = task.OutcomeFailPermanent
	}
	out.Data = []byte(cutText(f.GetMessage(), maxErrorText))
	out.Delay, err = microseconds("", "failure.retry_after_seconds", f.GetRetryAfterSeconds())
	return err
}

// settleDoubts looks up the outcomes that the machine refused: those that repeat what is recorded are acknowledged.
func (w *workStream) settleDoubts(b *batch) {
	for i := range b.doubts {
		o := &b.doubts[i]
		if _, err := w.svc.recorded(context.Background(), o); err != nil {
			b.refused = append(b.refused, &pb.Refusal{Token: o.Token, Status: partStatus(err)})
			continue
		}
		b.acked = append(b.acked, o.Token)
	}
	clear(b.doubts)
	b.doubts = b.doubts[:0]
}

// recorded returns the state that a repeated outcome left its task in, or why the outcome is refused. This member's own
// state is enough to tell: it has applied the command that found the lease gone.
func (s *workerService) recorded(ctx context.Context, o *task.Outcome) (state task.State, err error) {
	err = s.node.Read(ctx, true, func(v *raftfsm.View) error {
		t, ok, err := v.Task(o.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			return &taskError{id: o.ID, code: task.NotLive}
		case !repeats(&t, o):
			return &taskError{id: o.ID, code: task.StaleToken, state: t.State}
		}
		state = t.State
		return nil
	})
	return state, err
}

// repeats reports whether the outcome is what the task's last lease ended with.
func repeats(t *task.Task, o *task.Outcome) bool {
	if t.Token != o.Token {
		return false
	}
	switch o.Kind {
	case task.OutcomeComplete:
		return t.State == task.Completed
	case task.OutcomeFail, task.OutcomeFailPermanent:
		if t.State == task.Running || t.State.Finished() || len(t.Errors) == 0 {
			return false
		}
		last := t.Errors[len(t.Errors)-1]
		return last.Attempt == t.Attempt && (last.Cause == task.CauseFailed || last.Cause == task.CausePermanent)
	default: // a lease that ended in another way without success is as good as given back
		return t.State == task.Scheduled || t.State == task.Pending
	}
}
