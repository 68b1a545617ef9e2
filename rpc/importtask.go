package rpc

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// importedTask checks and converts a task to put back. The state is the one in which it was.
func (l Limits) importedTask(out *importItem, t *pb.Task) error {
	var err error
	if t.GetId() == "" {
		return invalid("id is required: an import puts tasks back under their own IDs; enqueue tasks that have none")
	}
	if out.ID, err = taskID("id", t.GetId()); err != nil {
		return err
	}
	if out.ID == 0 {
		return invalid("id is no task's: IDs begin with 1")
	}
	var known bool
	if out.State, known = parseState(t.GetState()); !known {
		return invalid("state is required: scheduled, blocked, pending, running, completed, cancelled or dead_letter")
	}
	if n := int(t.GetPayloadBytes()); n != len(t.GetPayload()) && n != 0 {
		return invalid("payload has %d bytes, and payload_bytes says %d: the task was read without its payload", len(t.GetPayload()), n)
	}
	priority := t.GetPriority()
	if err := l.newTaskAlone(&out.NewTask, &pb.NewTask{
		Queue: t.GetQueue(), Kind: t.GetKind(), Payload: t.GetPayload(), Priority: &priority, RunAt: t.GetRunAt(),
		MaxAttempts: t.GetMaxAttempts(), MaxWorkerDeaths: t.GetMaxWorkerDeaths(), TimeoutSeconds: t.GetTimeoutSeconds(),
		UniqueKey: t.GetUniqueKey(), UniqueWindowSeconds: t.GetUniqueWindowSeconds(), FairKey: t.GetFairKey(), Labels: t.GetLabels(),
		TraceContext: t.GetTraceContext(), Backoff: t.GetBackoff(), SingletonKey: t.GetSingletonKey(), StickyKey: t.GetStickyKey(),
		Require: t.GetRequire(),
	}); err != nil {
		return err
	}
	for _, set := range []func(*importItem, *pb.Task) error{importedKin, importedTimes, importedCounts, importedErrors} {
		if err := set(out, t); err != nil {
			return err
		}
	}
	if out.Origin = t.GetOriginQueue(); out.Origin != "" && !validQueue(out.Origin) {
		return checkQueue("", "origin_queue", out.Origin)
	}
	if t.GetRetryOf() != "" {
		out.RetryOf, err = taskID("retry_of", t.GetRetryOf())
	}
	return err
}

// importedKin takes all parents of a task; one of before feature level 3 has those only that it waits for. What has ended when a task
// was blocked, and is nowhere, doesn't matter any more: only the parents that it waits for have to be there.
func importedKin(out *importItem, t *pb.Task) error {
	kin := &pb.NewTask{Dependencies: t.GetDependencies(), OnParentFailure: t.GetOnParentFailure()}
	if len(t.GetDependencies()) == 0 {
		kin.DependsOn = t.GetDependsOn()
	}
	if err := setKin(&out.NewTask, kin, nil); err != nil {
		return err
	}
	for _, id := range out.DependsOn {
		out.Edges = append(out.Edges, task.Edge{Parent: id})
	}
	out.DependsOn = nil
	if out.State != task.Blocked || len(t.GetDependencies()) == 0 {
		return nil
	}
	waits, err := taskIDs("", "depends_on", t.GetDependsOn(), maxParents)
	if err != nil {
		return err
	}
	known := map[task.ID]bool{}
	for _, e := range out.Edges {
		known[e.Parent] = true
		if !slices.Contains(waits, e.Parent) {
			out.settled = append(out.settled, e.Parent)
		}
	}
	for i, id := range waits {
		if !known[id] {
			return invalid("depends_on[%d] is task %s, which dependencies doesn't have", i, id)
		}
	}
	return nil
}

func importedTimes(out *importItem, t *pb.Task) error {
	for _, f := range []struct {
		name string
		from *timestamppb.Timestamp
		to   *task.Time
	}{
		{"enqueued_at", t.GetEnqueuedAt(), &out.EnqueuedAt}, {"expires_at", t.GetExpiresAt(), &out.ExpiresAt},
		{"finished_at", t.GetFinishedAt(), &out.DiedAt},
	} {
		var err error
		if *f.to, err = moment("", f.name, f.from); err != nil {
			return err
		}
	}
	return nil
}

func importedCounts(out *importItem, t *pb.Task) error {
	for _, f := range []struct {
		name  string
		value uint32
		most  uint32
	}{
		{"attempt", t.GetAttempt(), math.MaxUint16}, {"retry_count", t.GetRetryCount(), math.MaxUint16},
		{"worker_deaths", t.GetWorkerDeaths(), math.MaxUint8},
	} {
		if f.value > f.most {
			return invalid("%s must be at most %d, not %d", f.name, f.most, f.value)
		}
	}
	out.Attempt, out.Failures, out.Deaths = uint16(t.GetAttempt()), uint16(t.GetRetryCount()), uint8(t.GetWorkerDeaths())
	return nil
}

// maxImportErrors is how many errors of attempts a task has at most.
const maxImportErrors = 10

func importedErrors(out *importItem, t *pb.Task) error {
	if out.State == task.DeadLetter && t.GetReason() != "" {
		var known bool
		if out.Reason, known = task.ParseReason(t.GetReason()); !known {
			return invalid("reason %q is unknown: failed, attempts_exhausted, expired, poison or dependency_failed", clip(t.GetReason()))
		}
	}
	if n := len(t.GetErrors()); n > maxImportErrors {
		return invalid("errors has %d errors, but may have at most %d", n, maxImportErrors)
	}
	for i, e := range t.GetErrors() {
		at := fmt.Sprintf("errors[%d].", i)
		cause, known := task.ParseCause(e.GetCause())
		if !known {
			return invalid("%scause %q is unknown: failed, permanent, timeout or worker_lost", at, clip(e.GetCause()))
		}
		when, err := moment(at, "at", e.GetAt())
		if err != nil {
			return err
		}
		if e.GetAttempt() > math.MaxUint16 {
			return invalid("%sattempt must be at most %d, not %d", at, math.MaxUint16, e.GetAttempt())
		}
		if err := checkLength(at, "message", e.GetMessage(), maxErrorText); err != nil {
			return err
		}
		if err := checkLength(at, "worker_id", e.GetWorkerId(), maxName); err != nil {
			return err
		}
		out.Errors = append(out.Errors, task.AttemptError{
			At: when, Attempt: uint16(e.GetAttempt()), Cause: cause, Message: e.GetMessage(), Worker: e.GetWorkerId(),
		})
	}
	return nil
}

// errWasFinished refuses a task that had finished.
var errWasFinished = errors.New("it would run again: import it with rerun if that is wanted")

// importError says why a task wasn't put back, and how to mend it.
type importError struct {
	id      task.ID
	code    error // errWasFinished, or the machine's
	state   task.State
	holder  task.ID
	key     string
	missing []string // parents
}

// Error says what is in the way, and what would help.
func (e *importError) Error() string {
	if errors.Is(e.code, errWasFinished) {
		return fmt.Sprintf("task %s was %s: %s", e.id, e.state, e.code)
	}
	var code task.Code
	_ = errors.As(e.code, &code)
	switch code {
	case task.TaskExists:
		if e.state.Finished() {
			return fmt.Sprintf("task %s is there, and has been %s since: retry it if it is to run again", e.id, e.state)
		}
		return fmt.Sprintf("task %s is there, %s", e.id, e.state)
	case task.HasDependants:
		return fmt.Sprintf("task %s is there, %s, and isn't replaced, as other tasks depend on it", e.id, e.state)
	case task.UniqueTaken:
		return fmt.Sprintf("task %s: its unique key %q is taken by task %s", e.id, e.key, e.holder)
	case task.IDOutOfRange:
		return fmt.Sprintf("task %s: the ID is far above all that a task can have by now: take it from an export or a backup as it stands there", e.id)
	case task.ParentMissing:
		return fmt.Sprintf("task %s was blocked by %s, which isn't there: import that too, or enqueue this one anew", e.id, strings.Join(e.missing, ", "))
	case task.DependencyFailed:
		return fmt.Sprintf("task %s was blocked, and a task that it waits for can't complete any more: retry that one first, or enqueue this one anew", e.id)
	case task.BeingPurged:
		return fmt.Sprintf("task %s: its queue is being purged: try again in a moment", e.id)
	}
	return fmt.Sprintf("task %s: %s", e.id, e.code)
}
