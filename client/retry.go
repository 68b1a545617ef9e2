package client

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstRetryWait = 20 * time.Millisecond
	// maxRetryWait is small beside the time in which a group that lost its leader has another: whatever a caller sleeps
	// beyond that adds to it. Servers that have too much to do say themselves when to come back.
	maxRetryWait = 250 * time.Millisecond
)

// retrier decides whether and when one call is made again.
type retrier struct {
	until   time.Time // zero before the first failure
	bound   time.Duration
	attempt int
}

// wait returns nil when it is time to try again, else the error to give up with.
func (r *retrier) wait(ctx context.Context, e *Error) error {
	if !e.retryable() || r.bound < 0 {
		return e
	}
	now := time.Now()
	if r.until.IsZero() {
		r.until = now.Add(r.bound)
	}
	pause := backoff(r.attempt, firstRetryWait, maxRetryWait)
	pause = max(pause, e.RetryAfter)
	r.attempt++
	if now.Add(pause).After(r.until) {
		return e
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return e
	}
}

// backoff doubles the pause with every attempt; the upper half of it is random, so that clients which failed together
// don't return together.
func backoff(attempt int, first, limit time.Duration) time.Duration {
	d := limit
	if attempt < 30 {
		d = min(first<<attempt, limit)
	}
	return d/2 + rand.N(d/2+1)
}
