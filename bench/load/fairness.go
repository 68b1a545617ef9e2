package load

import (
	"context"
	"errors"
	"time"

	"github.com/rowlock/rowlock/client"
)

// FairnessReport is how long the tasks of a small tenant wait while a worker works off a large one's backlog.
type FairnessReport struct {
	Backlog int `json:"backlog"`
	// BacklogLeft is what was left of it when the last of the small tenant's tasks had been picked up.
	BacklogLeft uint64 `json:"backlog_left"`
	// PickupMs is from Enqueue to the handler, for the small tenant's tasks.
	PickupMs *Percentiles `json:"pickup_ms"`
	// ShareBound is the number of tasks that may be before one of a tenant that has no other: one of each other tenant's, and
	// what the worker has been given already.
	ShareBound int `json:"share_bound"`
}

var errBacklogRanOut = errors.New("the large tenant's backlog ran out: take more --tasks or a shorter --duration")

// largeFirst is the number of the large tenant's first task: those of the small one are counted from 0.
const largeFirst = 1 << 40

// largeTakes is how long each of the large tenant's tasks takes.
const largeTakes = 2 * time.Millisecond

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fairness measures what a tenant with many tasks costs one with few, which has a fair key of its own.
func (b *bench) fairness(ctx context.Context) error {
	r := &FairnessReport{Backlog: or(b.Tasks, manyTasks), ShareBound: 1 + b.Concurrency}
	large := &producers{bench: b, most: int64(r.Backlog), batch: b.Batch, first: largeFirst, options: []client.Option{client.FairKey("large")}}
	if err := b.prepare(ctx, large); err != nil {
		return err
	}
	if err := b.quiet(ctx); err != nil {
		return err
	}
	trips := make([]trip, int(b.Duration.Seconds()*b.Rate)+latencyWarmUp)
	if err := b.travel(ctx, trips, client.FairKey("small")); err != nil {
		return err
	}
	q, err := b.client.Queues().Get(ctx, b.queue)
	if err != nil {
		return err
	}
	if r.BacklogLeft = q.Pending; r.BacklogLeft == 0 {
		return errBacklogRanOut
	}
	r.PickupMs, _ = tripTimes(trips)
	b.report.Fairness = r
	return nil
}
