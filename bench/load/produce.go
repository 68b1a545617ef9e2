package load

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/client"
)

// producers enqueue until they are stopped or have enqueued their number of tasks.
type producers struct {
	bench *bench
	// most is the number of tasks; 0: no bound.
	most int64
	// batch of each call; 1: the call for a single task.
	batch int
	// first is the number of the first task.
	first uint64
	// options of every task, besides the queue.
	options []client.Option

	begun atomic.Int64  // tasks that a call has been begun for
	acked atomic.Uint64 // tasks that are durable
}

// run runs n producers. Ending ctx's parent is an error; closing stop isn't.
func (p *producers) run(ctx context.Context, n int, stop <-chan struct{}) error {
	group, ctx := errgroup.WithContext(ctx)
	for range n {
		group.Go(func() error {
			for {
				select {
				case <-stop:
					return nil
				default:
				}
				done, err := p.once(ctx)
				if done || err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// once makes one call; done is true when there is nothing left to do.
func (p *producers) once(ctx context.Context) (done bool, err error) {
	size := int64(p.batch)
	first := p.begun.Add(size) - size
	if p.most > 0 {
		size = min(size, p.most-first)
		if size <= 0 {
			return true, nil
		}
	}
	options := append([]client.Option{client.Queue(p.bench.queue)}, p.options...)
	if p.batch == 1 {
		if _, err := p.bench.client.Enqueue(ctx, p.bench.args(p.first+uint64(first)), options...); err != nil {
			return false, err
		}
		p.acked.Add(1)
		return false, nil
	}
	tasks := make([]client.NewTask, size)
	for i := range tasks {
		tasks[i] = client.NewTask{Args: p.bench.args(p.first + uint64(first) + uint64(i)), Options: options}
	}
	if _, err := p.bench.client.EnqueueMany(ctx, tasks); err != nil {
		return false, err
	}
	p.acked.Add(uint64(size))
	return false, nil
}

// kind of the tasks.
const kind = "bench"

func (b *bench) args(sequence uint64) client.Args {
	return client.Raw(kind, payload(b.PayloadBytes, sequence))
}

// produce runs producers for the duration, or until they have enqueued the configured number of tasks, and returns their
// rate.
func (b *bench) produce(ctx context.Context, n, batch int) (float64, error) {
	p := &producers{bench: b, most: int64(b.Tasks), batch: batch}
	end := time.Now().Add(b.Duration)
	stop, finished := make(chan struct{}), make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(finished)
		return p.run(ctx, n, stop)
	})
	var perSecond float64
	group.Go(func() error {
		defer close(stop)
		samples, err := watch(ctx, func(context.Context) (uint64, error) { return p.acked.Load(), nil }, func(s sample) bool {
			b.Progress(string(b.Mode), int64(s.count), int64(b.Tasks))
			select {
			case <-finished:
				return true
			default:
				return b.Tasks == 0 && s.at.After(end)
			}
		})
		if err != nil {
			return err
		}
		perSecond, err = rate(samples)
		return err
	})
	return perSecond, group.Wait()
}

// fill enqueues tasks in batches.
func (b *bench) fill(ctx context.Context, tasks int) error {
	return b.prepare(ctx, &producers{bench: b, most: int64(tasks), batch: b.Batch})
}

// prepare runs producers until they have enqueued their tasks.
func (b *bench) prepare(ctx context.Context, p *producers) error {
	tasks := p.most
	stop := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(stop)
		return p.run(ctx, fillers, nil)
	})
	group.Go(func() error {
		_, err := watch(ctx, func(context.Context) (uint64, error) { return p.acked.Load(), nil }, func(s sample) bool {
			b.Progress(string(b.Mode)+": enqueue", int64(s.count), tasks)
			select {
			case <-stop:
				return true
			default:
				return false
			}
		})
		return err
	})
	return group.Wait()
}

// fillers are the producers that prepare a backlog.
const fillers = 4
