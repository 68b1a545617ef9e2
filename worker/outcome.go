package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Why a handler's context is cancelled, by context.Cause.
var (
	// ErrLeaseLost means that another worker may be running the task: the servers took it away, or haven't been heard of
	// for the session's time to live.
	ErrLeaseLost = errors.New("worker: the lease is lost")
	// ErrCancelled means that somebody cancelled the task.
	ErrCancelled = errors.New("worker: the task was cancelled")
	// ErrTimeout means that the attempt took longer than the task allows.
	ErrTimeout = errors.New("worker: the attempt timed out")
	// ErrSuperseded means that the next tick of the task's schedule waits for the handler to stop (overlap policy cancel). The lease goes
	// on until it returns: without an error the task has completed, else it is cancelled.
	ErrSuperseded = errors.New("worker: the next tick of the schedule waits")
	// ErrShutdown means that the worker stops and the grace period has passed. The task is given back without burning an
	// attempt unless the handler completes it.
	ErrShutdown = errors.New("worker: the worker is stopping")
)

// Permanent wraps an error that makes a retry pointless: the task goes to the dead letter queue. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Snooze is what a handler returns to have its task back after d, without burning an attempt.
func Snooze(d time.Duration) error { return &snoozeError{max(d, 0)} }

type snoozeError struct{ delay time.Duration }

func (e *snoozeError) Error() string { return fmt.Sprintf("snoozed for %v", e.delay) }

// RetryAfter wraps an error of a task that shall wait at least d before its next attempt, also where its backoff is
// shorter. It returns nil for nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, max(d, 0)}
}

type retryAfterError struct {
	err   error
	delay time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// OutcomeKind is how an attempt ended.
type OutcomeKind uint8

// The outcomes.
const (
	// Completed ended without an error.
	Completed OutcomeKind = iota
	// Failed will be retried while attempts are left.
	Failed
	// FailedForGood goes to the dead letter queue: the handler returned Permanent.
	FailedForGood
	// Snoozed comes back after Delay; no attempt is burnt.
	Snoozed
	// Released comes back at once; no attempt is burnt.
	Released
)

var outcomeNames = [...]string{"completed", "failed", "failed for good", "snoozed", "released"}

// String returns a name for people.
func (k OutcomeKind) String() string { return outcomeNames[k] }

// Outcome is how an attempt ended.
type Outcome struct {
	Kind   OutcomeKind
	Result []byte        // of a completed task
	Err    error         // of a failed one
	Delay  time.Duration // of a snoozed task; or the least wait before a failed one's retry
}

// outcomeOf is what a handler's return value means; the context is the handler's.
func outcomeOf(ctx context.Context, t *RawTask, err error) Outcome {
	if err == nil {
		return Outcome{Kind: Completed, Result: t.result}
	}
	var (
		snooze    *snoozeError
		permanent *permanentError
		later     *retryAfterError
		panicked  *PanicError
	)
	if errors.As(err, &snooze) {
		return Outcome{Kind: Snoozed, Delay: snooze.delay}
	}
	o := Outcome{Kind: Failed, Err: err}
	if errors.As(err, &later) {
		o.Delay = later.delay
	}
	isPermanent := errors.As(err, &permanent)
	if isPermanent {
		o.Kind = FailedForGood
	}
	if ctx.Err() == nil || errors.As(err, &panicked) {
		return o
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrTimeout):
		o.Err = fmt.Errorf("%w after %v: %w", ErrTimeout, t.Timeout, err)
	case isPermanent && !errors.Is(err, context.Canceled):
		// Something else than the cancelled context made it fail.
	case errors.Is(cause, ErrShutdown), errors.Is(cause, ErrLeaseLost), errors.Is(cause, ErrSuperseded):
		return Outcome{Kind: Released}
	}
	return o
}

// clip cuts a text to n bytes, between characters, and keeps it valid: the wire takes nothing else.
func clip(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
