package load

import "context"

// Defaults of the modes that only enqueue.
const (
	batchProducers  = 4
	singleProducers = 64
)

// enqueue measures batched enqueues.
func (b *bench) enqueue(ctx context.Context) (err error) {
	b.report.EnqueuePerS, err = b.produce(ctx, or(b.Producers, batchProducers), b.Batch)
	return err
}

// enqueueSingle measures callers of one task each, as the handlers of a web server would be.
func (b *bench) enqueueSingle(ctx context.Context) (err error) {
	b.report.EnqueueSinglePerS, err = b.produce(ctx, or(b.Producers, singleProducers), 1)
	return err
}
