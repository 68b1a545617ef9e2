package load

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/worker"
)

const (
	manyTasks = 1_000_000
	fewTasks  = 10_000
	// operations are the lifecycles that a rate is measured with.
	operations = 300_000
	// refill is how many tasks are enqueued at a time to keep the backlog as it is.
	refill = 500
)

// backlog measures what many waiting tasks cost: memory, restart, and whether leasing gets slower.
func (b *bench) backlog(ctx context.Context) error {
	many := or(b.Tasks, manyTasks)
	few := min(fewTasks, many)
	r := &BacklogReport{Pending: many, FewPending: few, OperationsEach: operations}
	b.report.Backlog = r
	var err error
	if err := b.fill(ctx, few); err != nil {
		return err
	}
	if r.FewPerS, err = b.hold(ctx, "few waiting"); err != nil {
		return err
	}
	if err := b.fill(ctx, many-few); err != nil {
		return err
	}
	if err := b.quiet(ctx); err != nil {
		return err
	}
	m, ours := b.server.Memory()
	r.RSSAnonAfterFillBytes = m.Anon
	if ours {
		if err := rest(ctx); err != nil {
			return err
		}
	}
	b.weigh()
	m, _ = b.server.Memory()
	r.RSSBytes, r.RSSAnonBytes, r.RSSFileBytes, r.DataBytes = m.RSS, m.Anon, m.File, b.server.DataBytes()
	if r.ManyPerS, err = b.hold(ctx, "many waiting"); err != nil {
		return err
	}
	r.ManyToFew = r.ManyPerS / r.FewPerS
	took, err := b.server.Restart(ctx)
	if errors.Is(err, ErrNotOurs) {
		return nil
	}
	if err != nil {
		return err
	}
	r.RestartSeconds = took.Seconds()
	m, _ = b.server.Memory()
	r.RSSAnonAfterRestartBytes = m.Anon
	return nil
}

// hold runs a worker and enqueues a task for each one that it ran, and returns the lifecycles per second. The backlog
// stays as it is: there are enough producers to keep up with any worker.
func (b *bench) hold(ctx context.Context, phase string) (float64, error) {
	before, err := b.completed(ctx)
	if err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	defer stop()
	var handled atomic.Int64
	wanted := make(chan struct{}, operations)
	group.Go(func() error {
		return b.consume(working, func(context.Context, *worker.RawTask) error {
			if handled.Add(1)%refill == 0 {
				wanted <- struct{}{} // never full: the measurement ends before
			}
			return nil
		})
	})
	p := &producers{bench: b, batch: refill}
	for range fillers {
		group.Go(func() error { return p.replace(ctx, wanted, working.Done()) })
	}
	var perSecond float64
	group.Go(func() error {
		defer stop()
		samples, err := watch(ctx, b.completed, func(s sample) bool {
			b.Progress(string(b.Mode)+": "+phase, int64(s.count-before), operations)
			return s.count-before >= operations
		})
		if err != nil {
			return err
		}
		perSecond, err = rate(samples)
		return err
	})
	return perSecond, group.Wait()
}

// replace enqueues a batch whenever one is wanted, until done is closed.
func (p *producers) replace(ctx context.Context, wanted, done <-chan struct{}) error {
	for {
		select {
		case <-wanted:
			if _, err := p.once(ctx); err != nil {
				return err
			}
		case <-done:
			return nil
		}
	}
}

// quietTime is how long the server may take to write down all that it was told: its own ticks keep it from ever being
// done for sure.
const quietTime = 5 * time.Second

// quiet waits until the server has nothing to write down.
func (b *bench) quiet(ctx context.Context) error {
	end := time.Now().Add(quietTime)
	_, err := watch(ctx, func(ctx context.Context) (uint64, error) {
		s, err := b.client.Status(ctx)
		if err != nil {
			return 0, err
		}
		return s.AppliedIndex - min(s.CheckpointIndex, s.AppliedIndex), nil
	}, func(s sample) bool { return s.count == 0 || s.at.After(end) })
	return err
}

// restTime is how long the server has nothing to do before its memory at rest is measured.
const restTime = 5 * time.Second

func rest(ctx context.Context) error {
	select {
	case <-time.After(restTime):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
