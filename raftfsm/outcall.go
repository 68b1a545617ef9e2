package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errBusy says that the destination hasn't answered a former call yet.
var errBusy = errors.New("the destination still hasn't answered an earlier call")

// outcall makes calls that may hang, whatever their context says, as those to a file system on a network do. One that isn't
// over in its time is left alone; no other is made until it is.
type outcall struct{ busy chan struct{} }

func newOutcall() *outcall { return &outcall{busy: make(chan struct{}, 1)} }

// call runs fn and returns what it returns, or an error once its time is over or ctx is done.
func call[T any](ctx context.Context, o *outcall, limit time.Duration, fn func(ctx context.Context) (T, error)) (none T, err error) {
	select {
	case o.busy <- struct{}{}:
	default:
		return none, errBusy
	}
	type answer struct {
		value T
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	done := make(chan answer, 1)
	go func() {
		defer cancel()
		defer func() { <-o.busy }()
		v, err := fn(limited)
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-limited.Done():
	}
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	return none, fmt.Errorf("the destination didn't answer within %s", limit)
}
