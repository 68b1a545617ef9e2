package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

const (
	// latencyWarmUp are the first tasks, which meet connections that are being made.
	latencyWarmUp = 50
	// settle is how long the last tasks of a run may take to arrive.
	settle = 10 * time.Second
)

// trip is one task's way: zero times have not been reached.
type trip struct {
	sent    time.Time // just before the call of Enqueue
	acked   time.Time // after it
	started time.Time // first line of the handler
}

// latency measures the time from Enqueue to the handler at a steady rate. Each task is sent at its time, whether or not
// those before it have been acknowledged: a slow moment delays nothing but what it hits.
func (b *bench) latency(ctx context.Context) error {
	trips := make([]trip, or(b.Tasks, int(b.Duration.Seconds()*b.Rate))+latencyWarmUp)
	if err := b.travel(ctx, trips); err != nil {
		return err
	}
	b.report.PickupMs, b.report.AckMs = tripTimes(trips)
	return nil
}

// tripTimes are how long it took to the handlers, and to the acknowledgements.
func tripTimes(trips []trip) (pickup, ack *Percentiles) {
	var pickups, acks []time.Duration
	for _, t := range trips[latencyWarmUp:] {
		pickups, acks = append(pickups, t.started.Sub(t.sent)), append(acks, t.acked.Sub(t.sent))
	}
	return PercentilesOf(pickups), PercentilesOf(acks)
}

// travel runs a worker, and enqueues one task per trip, with the trip's place as its number.
func (b *bench) travel(ctx context.Context, trips []trip, options ...client.Option) error {
	tasks := len(trips)
	var arrived sync.WaitGroup
	arrived.Add(tasks)
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	var mu sync.Mutex // guards started of the trips: a task may be run twice
	group.Go(func() error {
		return b.consume(working, func(ctx context.Context, t *worker.RawTask) error {
			now := time.Now()
			at := sequenceOf(t.Payload)
			if at >= largeFirst {
				return pause(ctx, largeTakes)
			}
			mu.Lock()
			defer mu.Unlock()
			if at < uint64(tasks) && trips[at].started.IsZero() {
				trips[at].started = now
				arrived.Done()
			}
			return nil
		})
	})
	group.Go(func() error {
		defer stop()
		if err := b.send(ctx, trips, append(options, client.Queue(b.queue))); err != nil {
			return err
		}
		return waitFor(ctx, &arrived)
	})
	return group.Wait()
}

// send enqueues one task per trip, evenly spaced.
func (b *bench) send(ctx context.Context, trips []trip, options []client.Option) error {
	calls, ctx := errgroup.WithContext(ctx)
	every := time.Duration(float64(time.Second) / b.Rate)
	begin := time.Now()
	for i := range trips {
		timer := time.NewTimer(time.Until(begin.Add(time.Duration(i) * every)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return calls.Wait()
		}
		if i%100 == 0 {
			b.Progress(string(b.Mode), int64(i), int64(len(trips)))
		}
		args := b.args(uint64(i))
		calls.Go(func() error {
			trips[i].sent = time.Now()
			_, err := b.client.Enqueue(ctx, args, options...)
			trips[i].acked = time.Now()
			return err
		})
	}
	return calls.Wait()
}

func waitFor(ctx context.Context, arrived *sync.WaitGroup) error {
	all := make(chan struct{})
	go func() {
		arrived.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
		return fmt.Errorf("tasks are missing %s after the last was enqueued", settle)
	}
}
