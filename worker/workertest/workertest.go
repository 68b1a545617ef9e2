package workertest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// TB is what is needed of a *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Result is what a handler did.
type Result struct {
	worker.Outcome
	// Progress has the calls of Task.Progress, in their order.
	Progress []Progress
}

// Progress is one call of Task.Progress.
type Progress struct {
	Percent int
	Message string
}

// Decode reads the result into a struct.
func (r Result) Decode(value any) error { return json.Unmarshal(r.Outcome.Result, value) }

// attempt is what options change.
type attempt struct {
	ctx        context.Context
	task       worker.RawTask
	middleware []worker.Middleware
}

// Option changes the attempt that a handler runs.
type Option func(*attempt)

// Context is the handler's context instead of the test's. To see what the handler does when its lease is lost, cancel it
// by a context.CancelCauseFunc with worker.ErrLeaseLost, ErrCancelled, ErrTimeout or ErrShutdown.
func Context(ctx context.Context) Option { return func(a *attempt) { a.ctx = ctx } }

// Attempt is the number of the attempt instead of 1.
func Attempt(n int) Option { return func(a *attempt) { a.task.Attempt = n } }

// Task changes any other field of the task.
func Task(change func(*worker.RawTask)) Option { return func(a *attempt) { change(&a.task) } }

// Use adds middleware around the handler; the first is the outermost.
func Use(middleware ...worker.Middleware) Option {
	return func(a *attempt) { a.middleware = append(a.middleware, middleware...) }
}

// Run runs a handler once, in the way a Worker does: arguments go through JSON, errors become outcomes, and a panic is a
// failure.
func Run[A client.Args](tb TB, handler func(context.Context, *worker.Task[A]) error, args A, options ...Option) Result {
	tb.Helper()
	payload, err := json.Marshal(args)
	if err != nil {
		tb.Fatalf("workertest: arguments of kind %q: %v", args.Kind(), err)
	}
	return RunRaw(tb, worker.Typed(handler), args.Kind(), payload, options...)
}

// RunRaw is Run for a handler of bytes.
func RunRaw(tb TB, handler worker.HandlerFunc, kind string, payload []byte, options ...Option) Result {
	tb.Helper()
	var record recorder
	a := attempt{ctx: tb.Context(), task: worker.RawTask{
		ID:          "0000000000001",
		Queue:       client.DefaultQueue,
		Kind:        kind,
		Payload:     payload,
		Token:       1,
		Attempt:     1,
		MaxAttempts: 25,
		Priority:    5,
		EnqueuedAt:  time.Now(),
	}}
	for _, o := range options {
		o(&a)
	}
	for _, m := range slices.Backward(a.middleware) {
		handler = m(handler)
	}
	outcome := worker.Try(a.ctx, handler, &a.task, record.take)
	return Result{Outcome: outcome, Progress: record.taken()}
}

// recorder keeps signs of progress.
type recorder struct {
	mu    sync.Mutex // guards notes
	notes []Progress
}

func (r *recorder) take(percent int, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, Progress{percent, message})
}

func (r *recorder) taken() []Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notes
}
