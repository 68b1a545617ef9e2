package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// What an error of this package may be, by errors.Is.
var (
	// ErrInvalid means that the call itself is wrong and will be refused however often it is made.
	ErrInvalid = errors.New("invalid argument")
	// ErrNotFound means that there is no such task, queue or the like.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that a unique key is taken; [Error].ExistingID is the task that has it.
	ErrConflict = errors.New("already exists")
	// ErrState means that the task's or the queue's state doesn't allow the change.
	ErrState = errors.New("refused in this state")
	// ErrStaleLease means that the lease of a task is no longer held.
	ErrStaleLease = errors.New("the lease is no longer held")
	// ErrDraining means that the queue takes no new tasks.
	ErrDraining = errors.New("the queue is being drained")
	// ErrBatchClosed means that the batch takes no more tasks.
	ErrBatchClosed = errors.New("the batch is closed")
	// ErrOverloaded means that the servers have too much to do; [Error].RetryAfter may say when to come back.
	ErrOverloaded = errors.New("overloaded")
	// ErrNoSpace means that the servers take no new tasks because their disks are full.
	ErrNoSpace = errors.New("no space left on the server")
	// ErrQueueFull means that the queue has as many tasks, or bytes of payloads, as it may have: see QueueSettings.MaxTasks. The
	// message has the numbers.
	ErrQueueFull = errors.New("the queue is full")
	// ErrPositionLost means that the events behind a position aren't kept any more.
	ErrPositionLost = errors.New("the events behind this position aren't kept any more")
	// ErrDenied means that the credentials are missing or don't allow the call.
	ErrDenied = errors.New("denied")
	// ErrUnavailable means that no server answered in time.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnknownOutcome means that the call may or may not have been executed.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrClosed means that the Client was closed.
	ErrClosed = errors.New("the client is closed")
)

// The reasons that servers give where the code alone doesn't tell, and what goes with them.
const (
	reasonUnknownProducer   = "unknown_producer"
	reasonSequenceForgotten = "sequence_forgotten"
	reasonRestored          = "restored"
	reasonStaleToken        = "stale_token"
	reasonDraining          = "draining"
	reasonNoSpace           = "no_space"
	reasonQueueFull         = "queue_full"
	reasonPositionLost      = "position_lost"
	reasonTooManyWaiters    = "too_many_waiters"
	reasonTooManyWatchers   = "too_many_watchers"
	reasonBatchClosed       = "batch_closed"
	metadataLeader          = "leader"
	metadataExisting        = "task_id"
)

// Error is a server's refusal of a call or of one task of a call.
type Error struct {
	Code codes.Code
	// Reason is the server's constant for what went wrong, such as stale_token; empty where it has none.
	Reason  string
	Message string
	// RetryAfter is when the server asks to come back; 0: it doesn't say.
	RetryAfter time.Duration
	// ExistingID is the task that has the unique key, for ErrConflict.
	ExistingID string

	leader string // its API address, where the server hints at it
}

// Error returns the server's message.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Message
}

// GRPCStatus lets the functions of package google.golang.org/grpc/status read the error.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

// Is reports whether the error is one of this package's sentinels.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrInvalid:
		return e.Code == codes.InvalidArgument || e.Code == codes.OutOfRange && e.Reason != reasonPositionLost
	case ErrPositionLost:
		return e.Reason == reasonPositionLost
	case ErrQueueFull:
		return e.Reason == reasonQueueFull
	case ErrNotFound:
		return e.Code == codes.NotFound
	case ErrConflict:
		return e.Code == codes.AlreadyExists
	case ErrState:
		return e.Code == codes.FailedPrecondition
	case ErrStaleLease:
		return e.Reason == reasonStaleToken
	case ErrDraining:
		return e.Reason == reasonDraining
	case ErrBatchClosed:
		return e.Reason == reasonBatchClosed
	case ErrNoSpace:
		return e.Reason == reasonNoSpace
	case ErrOverloaded:
		return e.Code == codes.ResourceExhausted && e.Reason != reasonNoSpace && e.Reason != reasonQueueFull
	case ErrDenied:
		return e.Code == codes.PermissionDenied || e.Code == codes.Unauthenticated
	case ErrUnavailable:
		return e.Code == codes.Unavailable || e.Code == codes.DeadlineExceeded
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	return false
}

// retryable reports whether the same call may succeed when it is made again.
func (e *Error) retryable() bool {
	switch e.Code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
		return true
	case codes.ResourceExhausted:
		return e.RetryAfter > 0 && e.Reason != reasonNoSpace
	}
	return false
}

// refused reports whether the error says for sure that the call wasn't executed.
func (e *Error) refused() bool {
	switch e.Code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.ResourceExhausted, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return false
}

// fromError makes an Error of what gRPC returned. It returns nil for nil.
func fromError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	e = &Error{Code: s.Code(), Message: s.Message()}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			e.Reason = d.GetReason()
			e.leader = d.GetMetadata()[metadataLeader]
			if e.Code == codes.AlreadyExists {
				e.ExistingID = d.GetMetadata()[metadataExisting]
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	return e
}

// fromPart makes an error of the status of one part of a call; nil for nil.
func fromPart(s *rowlockv1.Status, existingID string) error {
	if s == nil || s.GetCode() == int32(codes.OK) {
		return nil
	}
	e := &Error{Code: codes.Code(s.GetCode()), Reason: s.GetReason(), Message: s.GetMessage()}
	if e.Code == codes.AlreadyExists {
		e.ExistingID = existingID
	}
	return e
}

// unknown wraps the reason for which the outcome of a call isn't known.
func unknown(err error) error { return fmt.Errorf("%w: %w", ErrUnknownOutcome, err) }

// PartialError says that some parts of a call for many were refused. It unwraps to the first of their errors.
type PartialError struct {
	Failed, Total int
	First         error
}

// Error counts, and tells the first error.
func (e *PartialError) Error() string {
	if e.Total == 1 {
		return e.First.Error()
	}
	return fmt.Sprintf("%d of %d refused, the first: %v", e.Failed, e.Total, e.First)
}

// Unwrap returns the first of the errors.
func (e *PartialError) Unwrap() error { return e.First }

// add counts the error of one part.
func (e *PartialError) add(err error) {
	if e.Failed == 0 {
		e.First = err
	}
	e.Failed++
}

// orNil is the error of the call as a whole.
func (e *PartialError) orNil() error {
	if e.Failed == 0 {
		return nil
	}
	return e
}
