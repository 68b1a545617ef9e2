package workertest_test

import (
	"context"
	"testing"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/workertest"
)

// Options change the attempt; what a handler does about a lost lease can be tested.
func TestOptions(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var order []string
	layer := func(name string) worker.Middleware {
		return func(next worker.HandlerFunc) worker.HandlerFunc {
			return func(ctx context.Context, t *worker.RawTask) error {
				order = append(order, name)
				return next(ctx, t)
			}
		}
	}
	handler := func(ctx context.Context, raw *worker.Task[SendEmail]) error {
		if raw.Attempt != 3 || raw.Labels["a"] != "b" {
			t.Errorf("attempt %d, labels %v", raw.Attempt, raw.Labels)
		}
		cancel(worker.ErrLeaseLost)
		<-ctx.Done()
		return ctx.Err()
	}
	r := workertest.Run(t, handler, SendEmail{},
		workertest.Context(ctx),
		workertest.Attempt(3),
		workertest.Task(func(t *worker.RawTask) { t.Labels = map[string]string{"a": "b"} }),
		workertest.Use(layer("outer"), layer("inner")))
	if r.Kind != worker.Released || len(order) != 2 || order[0] != "outer" {
		t.Errorf("got %v, order %v", r.Kind, order)
	}
}
