package load

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const lifecycleProducers = 32

// lifecycle measures tasks that are enqueued one by one, run and completed, all at the same time.
func (b *bench) lifecycle(ctx context.Context) error {
	p := &producers{bench: b, most: int64(b.Tasks), batch: 1}
	end := time.Now().Add(b.Duration)
	group, ctx := errgroup.WithContext(ctx)
	working, stopWorking := context.WithCancel(ctx)
	stop := make(chan struct{})
	group.Go(func() error { return b.consume(working, done) })
	group.Go(func() error { return p.run(ctx, or(b.Producers, lifecycleProducers), stop) })
	group.Go(func() error {
		defer stopWorking()
		defer close(stop)
		samples, err := watch(ctx, b.completed, func(s sample) bool {
			b.Progress(string(b.Mode), int64(s.count), int64(b.Tasks))
			if b.Tasks > 0 {
				return s.count >= uint64(b.Tasks)
			}
			return s.at.After(end)
		})
		if err != nil {
			return err
		}
		b.report.LifecyclePerS, err = rate(samples)
		return err
	})
	return group.Wait()
}
