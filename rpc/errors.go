package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// This file is the only one that knows how an error becomes a gRPC status. Handlers return plain errors.

// errorDomain is the domain of the ErrorInfo that every refusal carries.
const errorDomain = "rowlock"

// reasonRestored says that the call was of a state that a restore has replaced.
const reasonRestored = "restored"

// LeaderHeader is the metadata key (a trailer) under which a call that only the leader can answer tells its API address,
// if that is known. The error's ErrorInfo has it too, as "leader".
const LeaderHeader = "rowlock-leader"

// How long a caller should wait before it tries again.
const (
	retryOverloaded = 50 * time.Millisecond
	retryNoSpace    = 5 * time.Second
)

// fault is an error that this package itself finds.
type fault struct {
	code   codes.Code
	reason string // for programs
	text   string
}

func (f *fault) Error() string { return f.text }

// invalid refuses bad input: one sentence that names the field and says what it may be.
func invalid(format string, args ...any) error {
	return &fault{codes.InvalidArgument, "invalid", fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &fault{codes.NotFound, "not_found", fmt.Sprintf(format, args...)}
}

// unavailable asks the caller to come again, perhaps elsewhere.
func unavailable(reason, format string, args ...any) error {
	return &fault{codes.Unavailable, reason, fmt.Sprintf(format, args...)}
}

// Faults that more than one place finds.
var (
	errStopping   = unavailable("stopping", "this node is stopping")
	errSuperseded = &fault{codes.Aborted, "superseded", "the session has a newer stream"}
	errMixedUp    = &fault{codes.AlreadyExists, "request_id_used", "request_id or sequence has been used for another call"}
)

// codeStatus says what each refusal of the machine is to a caller.
var codeStatus = map[task.Code]struct {
	code   codes.Code
	reason string
}{
	task.UniqueTaken:       {codes.AlreadyExists, "unique_taken"},
	task.NotLive:           {codes.NotFound, "not_found"},
	task.StaleToken:        {codes.FailedPrecondition, "stale_token"},
	task.WrongState:        {codes.FailedPrecondition, "wrong_state"},
	task.UnknownSession:    {codes.FailedPrecondition, "unknown_session"},
	task.UnknownProducer:   {codes.FailedPrecondition, "unknown_producer"},
	task.SequenceForgotten: {codes.FailedPrecondition, "sequence_forgotten"},
	task.Draining:          {codes.FailedPrecondition, "draining"},
	task.TooManyQueues:     {codes.ResourceExhausted, "too_many_queues"},
	task.TooManyProducers:  {codes.ResourceExhausted, "too_many_producers"},
	task.WrongTerm:         {codes.Unavailable, "wrong_term"},
	task.ResolveAgain:      {codes.Aborted, "resolve_again"},
	task.NoSuchQueue:       {codes.NotFound, "no_such_queue"},
	task.DependencyFailed:  {codes.FailedPrecondition, "dependency_failed"},
	task.TooManyWorkflows:  {codes.ResourceExhausted, "too_many_workflows"},
	task.NoSuchWorkflow:    {codes.NotFound, "no_such_workflow"},
	task.Invalid:           {codes.InvalidArgument, "invalid"},
	task.NoSuchSchedule:    {codes.NotFound, "no_such_schedule"},
	task.TooManySchedules:  {codes.ResourceExhausted, "too_many_schedules"},
	task.ScheduleOverlap:   {codes.FailedPrecondition, "schedule_overlap"},
	task.ScheduleFull:      {codes.ResourceExhausted, "schedule_full"},
	task.TooManyOperations: {codes.FailedPrecondition, "too_many_operations"},
	task.NoSuchOperation:   {codes.NotFound, "no_such_operation"},
	task.QueueFull:         {codes.ResourceExhausted, "queue_full"},
	task.NoSuchBatch:       {codes.NotFound, "no_such_batch"},
	task.BatchClosed:       {codes.FailedPrecondition, "batch_closed"},
	task.TooManyBatches:    {codes.ResourceExhausted, "too_many_batches"},
	task.TaskExists:        {codes.AlreadyExists, "task_exists"},
	task.HasDependants:     {codes.FailedPrecondition, "has_dependants"},
	task.IDOutOfRange:      {codes.InvalidArgument, "id_out_of_range"},
	task.ParentMissing:     {codes.FailedPrecondition, "parent_missing"},
	task.BeingPurged:       {codes.FailedPrecondition, "being_purged"},
}

// taskError is a refusal by the machine that concerns a task.
type taskError struct {
	id    task.ID
	code  task.Code
	state task.State // of the task; None where it isn't known
}

func (e *taskError) Error() string {
	switch {
	case e.code == task.UniqueTaken:
		return fmt.Sprintf("the unique key is taken by task %s", e.id)
	case e.code == task.DependencyFailed && e.id == 0:
		return "a task that must complete first has failed, or was cancelled or deleted: retry that one first, or depend on its end (when any, --depends-on-end)"
	case e.id == 0:
		return e.code.Error()
	case e.code == task.NotLive:
		return fmt.Sprintf("no task %s", e.id)
	case e.state != task.None:
		return fmt.Sprintf("task %s is %s: %s", e.id, e.state, e.code.Error())
	}
	return fmt.Sprintf("task %s: %s", e.id, e.code.Error())
}

func (e *taskError) Unwrap() error { return e.code }

// batchError is a refusal by the machine that concerns a batch; of a task's batch_id without the ID.
type batchError struct {
	id   task.ID
	code task.Code
}

func (e *batchError) Error() string {
	name := "batch_id"
	if e.id != 0 {
		name = "batch " + e.id.String()
	}
	switch e.code {
	case task.NoSuchBatch:
		return name + ": no such batch: it was never created, or ended over 24 h ago"
	case task.BatchClosed:
		return name + ": the batch is closed and takes no more tasks: create another one"
	case task.TooManyBatches:
		return "there are too many batches, or their callbacks take too much memory: close those that are done with, which go 24 h after their end"
	}
	return e.code.Error()
}

func (e *batchError) Unwrap() error { return e.code }

// toStatus maps any error to what callers see. It is nil for nil.
func toStatus(err error) *status.Status {
	var (
		own     *fault
		onTask  *taskError
		onTick  *scheduleError
		onOp    *operationError
		code    task.Code
		other   *raftfsm.NotLeaderError
		member  *memberError
		onBatch *batchError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &member):
		return memberStatus(member)
	case errors.As(err, &own):
		return withInfo(own.code, own.reason, own.text, nil)
	case errors.As(err, &onTask):
		return taskStatus(onTask)
	case errors.As(err, &onTick):
		return scheduleStatus(onTick)
	case errors.As(err, &onOp):
		return withInfo(codes.FailedPrecondition, "wrong_state", onOp.Error(), map[string]string{"state": onOp.op.GetState().String()})
	case errors.As(err, &onBatch):
		c := codeStatus[onBatch.code]
		return withInfo(c.code, c.reason, onBatch.Error(), nil)
	case errors.As(err, &code):
		c := codeStatus[code]
		return withInfo(c.code, c.reason, code.Error(), nil)
	case errors.As(err, &other):
		var meta map[string]string
		if api := leaderOf(err); api != "" {
			meta = map[string]string{"leader": api}
		}
		return withInfo(codes.Unavailable, "not_leader", other.Error(), meta)
	case errors.Is(err, raftfsm.ErrUnknownOutcome):
		return withInfo(codes.Unavailable, "unknown_outcome", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrRestored):
		return withInfo(codes.FailedPrecondition, reasonRestored, raftfsm.ErrRestored.Error(), nil)
	case errors.Is(err, raftfsm.ErrOverloaded):
		return withRetry(withInfo(codes.ResourceExhausted, "overloaded", err.Error(), nil), retryOverloaded)
	case errors.Is(err, raftfsm.ErrNoSpace):
		return withRetry(withInfo(codes.ResourceExhausted, "no_space", err.Error(), nil), retryNoSpace)
	case errors.Is(err, raftfsm.ErrTooLarge):
		return withInfo(codes.InvalidArgument, "too_large", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrNoMember):
		return withInfo(codes.NotFound, "no_such_member", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrMemberExists):
		return withInfo(codes.AlreadyExists, "member_exists", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrTooOld), errors.Is(err, task.ErrNewerLevel):
		return withInfo(codes.FailedPrecondition, "too_old", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrLevel): // soon it may be possible: the caller tries again
		return withInfo(codes.Unavailable, "feature_level", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrBadBackup):
		return withInfo(codes.InvalidArgument, "bad_backup", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrMajority):
		return withInfo(codes.FailedPrecondition, "majority", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrRefused):
		return withInfo(codes.FailedPrecondition, "refused", err.Error(), nil)
	case errors.Is(err, raftfsm.ErrStopped):
		return withInfo(codes.Unavailable, "stopping", errStopping.Error(), nil)
	case errors.Is(err, context.DeadlineExceeded):
		return withInfo(codes.DeadlineExceeded, "deadline", "the deadline passed before the call was done", nil)
	case errors.Is(err, context.Canceled):
		return withInfo(codes.Canceled, "cancelled", "the caller went away before the call was done", nil)
	}
	if s, ok := status.FromError(err); ok { // of the gRPC library: a broken stream, say
		return s
	}
	return withInfo(codes.Internal, "internal", "internal error: "+err.Error(), nil)
}

func taskStatus(e *taskError) *status.Status {
	c := codeStatus[e.code]
	meta := map[string]string{}
	if e.id != 0 {
		meta["task_id"] = e.id.String()
	}
	if e.state != task.None {
		meta["state"] = e.state.String()
	}
	return withInfo(c.code, c.reason, e.Error(), meta)
}

// refuse words the refusal of a task that was to be put back.
func (e *importError) refuse() *pb.Status {
	if errors.Is(e.code, errWasFinished) {
		return partStatus(&fault{codes.FailedPrecondition, "finished", e.Error()})
	}
	var code task.Code
	_ = errors.As(e.code, &code) // it is one of the machine's
	c := codeStatus[code]
	return partStatus(&fault{c.code, c.reason, e.Error()})
}

// memberStatus is that of what is wrong, with the name of the graph's task.
func memberStatus(e *memberError) *status.Status {
	s := toStatus(e.err)
	meta := map[string]string{"ref": e.ref}
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetMetadata()["task_id"] != "" {
			meta["task_id"] = info.GetMetadata()["task_id"]
		}
	}
	return withInfo(s.Code(), reasonOf(s), e.Error(), meta)
}

func withInfo(c codes.Code, reason, text string, meta map[string]string) *status.Status {
	return withDetail(status.New(c, text), &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain, Metadata: meta})
}

func withRetry(s *status.Status, after time.Duration) *status.Status {
	return withDetail(s, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
}

func withDetail(s *status.Status, d protoadapt.MessageV1) *status.Status {
	detailed, err := s.WithDetails(d)
	if err != nil { // the detail can't be encoded; it is worth less than the status
		return s
	}
	return detailed
}

// partStatus is the status of one part of a call; nil: it went well.
func partStatus(err error) *pb.Status {
	s := toStatus(err)
	if s == nil {
		return nil
	}
	return &pb.Status{Code: int32(s.Code()), Message: s.Message(), Reason: reasonOf(s)}
}

// reasonOf returns the reason that the status' ErrorInfo gives.
func reasonOf(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// hintedError is a NotLeaderError with the leader's API address: what the error itself has is the Raft address.
type hintedError struct {
	error
	api string
}

func (e *hintedError) Unwrap() error { return e.error }

// withHint adds the leader's API address to a NotLeaderError, if it is known.
func withHint(err error, leaderAPI func() string) error {
	var other *raftfsm.NotLeaderError
	if !errors.As(err, &other) || other.Leader == "" {
		return err
	}
	return &hintedError{err, leaderAPI()}
}

func leaderOf(err error) string {
	var hinted *hintedError
	if errors.As(err, &hinted) {
		return hinted.api
	}
	return ""
}

// leaderHint returns the metadata that tells where the leader is; nil where the error isn't about that or nobody knows.
func leaderHint(err error) metadata.MD {
	if api := leaderOf(err); api != "" {
		return metadata.Pairs(LeaderHeader, api)
	}
	return nil
}

// isServerFault reports whether a call that ended so counts as an error of the service, not of its caller.
func isServerFault(c codes.Code) bool {
	switch c {
	case codes.Unknown, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Unimplemented, codes.Internal,
		codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}

// logFault logs what the operator should know of: a fault of this program.
func logFault(log *slog.Logger, method string, err error, s *status.Status) {
	if s.Code() == codes.Internal || s.Code() == codes.Unknown || s.Code() == codes.DataLoss {
		log.Error("call failed", "method", method, "error", err)
	}
}
