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
	tasks := or(b.Tasks, int(b.Duration.Seconds()*b.Rate)) + latencyWarmUp
	trips := make([]trip, tasks)
	var arrived sync.WaitGroup
	arrived.Add(tasks)
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	var mu sync.Mutex // guards started of the trips: a task may be run twice
	group.Go(func() error {
		return b.consume(working, func(_ context.Context, t *worker.RawTask) error {
			now := time.Now()
			at := sequenceOf(t.Payload)
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
		if err := b.send(ctx, trips); err != nil {
			return err
		}
		return waitFor(ctx, &arrived)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	var pickup, ack []time.Duration
	for _, t := range trips[latencyWarmUp:] {
		pickup, ack = append(pickup, t.started.Sub(t.sent)), append(ack, t.acked.Sub(t.sent))
	}
	b.report.PickupMs, b.report.AckMs = PercentilesOf(pickup), PercentilesOf(ack)
	return nil
}

// send enqueues one task per trip, evenly spaced.
func (b *bench) send(ctx context.Context, trips []trip) error {
	calls, ctx := errgroup.WithContext(ctx)
	pause := time.Duration(float64(time.Second) / b.Rate)
	begin := time.Now()
	for i := range trips {
		timer := time.NewTimer(time.Until(begin.Add(time.Duration(i) * pause)))
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
			_, err := b.client.Enqueue(ctx, args, client.Queue(b.queue))
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
