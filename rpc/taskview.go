package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// states are the API's words for the machine's states.
var states = [...]pb.Task_State{
	task.None:       pb.Task_unspecified,
	task.Scheduled:  pb.Task_scheduled,
	task.Blocked:    pb.Task_blocked,
	task.Pending:    pb.Task_pending,
	task.Running:    pb.Task_running,
	task.Completed:  pb.Task_completed,
	task.Cancelled:  pb.Task_cancelled,
	task.DeadLetter: pb.Task_dead_letter,
}

// parseState returns the machine's state of an API's word.
func parseState(s pb.Task_State) (task.State, bool) {
	for i, w := range states {
		if w == s && s != pb.Task_unspecified {
			return task.State(i), true
		}
	}
	return task.None, false
}

func timestamp(t task.Time) *timestamppb.Timestamp {
	if t == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMicro(t))
}

func seconds(d task.Duration) float64 { return float64(d) / 1e6 }

// viewTask is a task as the API shows it; without its payload and result if they aren't wanted.
func viewTask(t *task.Task, omitPayload bool) *pb.Task {
	out := &pb.Task{
		Id: t.ID.String(), Queue: t.Queue, Kind: t.Kind, State: states[t.State], Priority: uint32(t.Priority),
		PayloadBytes: t.PayloadLen, FairKey: t.FairKey, UniqueKey: t.UniqueKey, TraceContext: t.TraceContext,
		Labels: labelMap(t.Labels), SingletonKey: t.SingletonKey, StickyKey: t.StickyKey, Require: labelMap(t.Require),
		Attempt: uint32(t.Attempt), MaxAttempts: uint32(t.MaxAttempts), RetryCount: uint32(t.Failures),
		WorkerDeaths: uint32(t.WorkerDeaths), MaxWorkerDeaths: uint32(t.MaxWorkerDeaths), WorkerId: t.Worker,
		EnqueuedAt: timestamp(t.EnqueuedAt), RunAt: timestamp(t.RunAt), StartedAt: timestamp(t.StartedAt),
		FinishedAt: timestamp(t.FinishedAt), ExpiresAt: timestamp(t.ExpiresAt), TimeoutSeconds: seconds(t.Timeout),
		Reason: t.Reason.String(), Token: t.Token, Backoff: viewBackoff(t.Backoff), DependsOn: idStrings(t.DependsOn),
		Errors: viewErrors(t.Errors), Schedule: t.Schedule, NominalAt: timestamp(t.NominalTime),
		OriginQueue: t.OriginQueue, UniqueWindowSeconds: seconds(t.UniqueWindow),
	}
	if len(t.Parents) > 0 {
		out.Dependencies = viewEdges(t.Parents)
		out.OnParentFailure = pb.ParentFailure_dead_letter
		if t.OnParentFailure == task.ParentFailureCancel {
			out.OnParentFailure = pb.ParentFailure_cancel
		}
	}
	if t.Workflow != 0 {
		out.WorkflowId, out.Ref = t.Workflow.String(), t.Ref
	}
	if !omitPayload {
		out.Payload, out.Result = t.Payload, t.Result
	}
	if len(t.Errors) > 0 || t.State == task.DeadLetter {
		out.Fingerprint = filter.Fingerprint(t).String()
	}
	if t.RetryOf != 0 {
		out.RetryOf = t.RetryOf.String()
	}
	setBatch(t, out)
	if t.State == task.Running {
		out.HeartbeatAt = timestamp(max(t.StartedAt, t.Progress.At))
	}
	if t.Progress.At != 0 {
		out.Progress = &pb.Progress{Percent: uint32(t.Progress.Percent), Message: t.Progress.Message, At: timestamp(t.Progress.At)}
	}
	return out
}

func labelMap(list []task.Label) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Key] = l.Value
	}
	return m
}

func idStrings(ids []task.ID) []string {
	if len(ids) == 0 {
		return nil
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

func viewErrors(list []task.AttemptError) []*pb.TaskError {
	out := make([]*pb.TaskError, len(list))
	for i, e := range list {
		out[i] = &pb.TaskError{
			At: timestamp(e.At), Attempt: uint32(e.Attempt), Cause: e.Cause.String(), Message: e.Message, WorkerId: e.Worker,
		}
	}
	return out
}

func viewBackoff(b task.Backoff) *pb.Backoff {
	if b.IsZero() {
		return nil
	}
	out := &pb.Backoff{
		InitialSeconds: seconds(b.Initial), MaximumSeconds: seconds(b.Maximum), Multiplier: float64(b.Multiplier) / 1000,
	}
	for _, d := range b.Delays {
		out.DelaysSeconds = append(out.DelaysSeconds, seconds(d))
	}
	return out
}

// replySize is about what a task takes in an answer.
func replySize(t *task.Task, omitPayload bool) int {
	n := 512 + 24*len(t.Parents) + len(t.UniqueKey) + len(t.FairKey) + len(t.TraceContext)
	if !omitPayload {
		n += len(t.Payload) + len(t.Result)
	}
	for i := range t.Errors {
		n += 64 + len(t.Errors[i].Message)
	}
	for _, l := range t.Labels {
		n += len(l.Key) + len(l.Value)
	}
	return n
}

// ViewTask is a task with its payload as the API shows it, for what reads tasks elsewhere: out of a backup.
func ViewTask(t *task.Task) *pb.Task { return viewTask(t, false) }
