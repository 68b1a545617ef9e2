package load

import (
	"context"
	"errors"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// consume runs a worker until ctx ends, which is no error.
func (b *bench) consume(ctx context.Context, handler worker.HandlerFunc) error {
	w, err := worker.New(b.client, worker.Config{
		Queues: map[string]int{b.queue: 1}, Concurrency: b.Concurrency, Name: "rowlock-bench", Logger: b.Logger,
	})
	if err != nil {
		return err
	}
	w.HandleFunc(worker.AnyKind, handler)
	if err := w.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func done(context.Context, *worker.RawTask) error { return nil }

// completed is how many tasks of the queue the server has completed: durably.
func (b *bench) completed(ctx context.Context) (uint64, error) {
	q, err := b.client.Queues().Get(ctx, b.queue)
	if errors.Is(err, client.ErrNotFound) { // no task has come yet
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return q.CompletedTotal, nil
}
