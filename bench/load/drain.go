package load

import (
	"context"

	"golang.org/x/sync/errgroup"
)

const drainTasks = 300_000

// drain measures how fast a worker works a backlog off.
func (b *bench) drain(ctx context.Context) error {
	tasks := or(b.Tasks, drainTasks)
	if err := b.fill(ctx, tasks); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	group.Go(func() error { return b.consume(working, done) })
	group.Go(func() error {
		defer stop()
		samples, err := watch(ctx, b.completed, func(s sample) bool {
			b.Progress(string(b.Mode), int64(s.count), int64(tasks))
			return s.count >= uint64(tasks)
		})
		if err != nil {
			return err
		}
		b.report.DrainPerS, err = rate(whileBusy(samples, uint64(tasks)))
		return err
	})
	return group.Wait()
}

// whileBusy leaves out the samples after the last but one: the backlog ran out somewhere between the last two.
func whileBusy(samples []sample, tasks uint64) []sample {
	for len(samples) > 3 && samples[len(samples)-1].count >= tasks {
		samples = samples[:len(samples)-1]
	}
	return samples
}
