package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/rowlock/rowlock/client"
)

// HandlerFunc runs one attempt of a task. See the package's documentation for what its error means.
type HandlerFunc func(ctx context.Context, t *RawTask) error

// Middleware wraps handlers.
type Middleware func(next HandlerFunc) HandlerFunc

// AnyKind is the kind under which HandleFunc takes the handler of all kinds that have none of their own.
const AnyKind = ""

// Handle registers the handler of the kind of A, a struct type whose Kind method has a value receiver. It panics if
// the kind has one, and must not be called any more when Run has been.
func Handle[A client.Args](w *Worker, handler func(ctx context.Context, t *Task[A]) error) {
	var a A
	w.HandleFunc(a.Kind(), Typed(handler))
}

// Typed makes a HandlerFunc of a handler with typed arguments. A payload that doesn't fit them is a permanent failure;
// an empty one leaves them zero.
func Typed[A client.Args](handler func(ctx context.Context, t *Task[A]) error) HandlerFunc {
	return func(ctx context.Context, raw *RawTask) error {
		t := &Task[A]{RawTask: raw}
		if len(raw.Payload) > 0 {
			if err := json.Unmarshal(raw.Payload, &t.Args); err != nil {
				return Permanent(fmt.Errorf("arguments of kind %q: %w", raw.Kind, err))
			}
		}
		return handler(ctx, t)
	}
}

// HandleFunc registers the handler of a kind, or of AnyKind. It panics if the kind has one, and must not be called any
// more when Run has been.
func (w *Worker) HandleFunc(kind string, handler HandlerFunc) {
	if _, ok := w.handlers[kind]; ok {
		panic(fmt.Sprintf("worker: kind %q has a handler already", kind))
	}
	w.handlers[kind] = handler
}

// Use adds middleware around all handlers; the first is the outermost. It must not be called any more when Run has been.
func (w *Worker) Use(middleware ...Middleware) { w.middleware = append(w.middleware, middleware...) }

// handlers by kind.
type handlers map[string]HandlerFunc

// kinds is what the servers may send: nothing means anything.
func (h handlers) kinds() []string {
	if _, ok := h[AnyKind]; ok {
		return nil
	}
	return slices.Sorted(maps.Keys(h))
}

func (h handlers) of(kind string) HandlerFunc {
	if f, ok := h[kind]; ok {
		return f
	}
	if f, ok := h[AnyKind]; ok {
		return f
	}
	return func(context.Context, *RawTask) error {
		return fmt.Errorf("worker: no handler for kind %q", kind)
	}
}

func (h handlers) wrap(middleware []Middleware) handlers {
	wrapped := make(handlers, len(h))
	for kind, f := range h {
		for _, m := range slices.Backward(middleware) {
			f = m(f)
		}
		wrapped[kind] = f
	}
	return wrapped
}

// Try runs a handler as a Worker does, and returns the outcome; progress gets the calls of Task.Progress and may be nil.
// Package workertest is built on it.
func Try(ctx context.Context, handler HandlerFunc, t *RawTask, progress func(percent int, message string)) Outcome {
	if progress != nil {
		t.sink = progressFunc(progress)
	}
	return try(ctx, handler, t)
}

// progressFunc is a sink.
type progressFunc func(percent int, message string)

func (f progressFunc) note(_ *RawTask, percent int, message string) { f(percent, message) }

func try(ctx context.Context, handler HandlerFunc, t *RawTask) Outcome {
	return outcomeOf(ctx, t, protect(ctx, handler, t))
}

// errExited is the failure of a handler that ended its goroutine.
var errExited = errors.New("worker: the handler called runtime.Goexit")

// protect makes errors of panics.
func protect(ctx context.Context, handler HandlerFunc, t *RawTask) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return handler(ctx, t)
}

// PanicError is the failure of a handler that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// stackHead is how much of a stack is kept with the task.
const stackHead = 3 << 10

// Error has the value and the head of the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack[:min(len(e.Stack), stackHead)])
}
