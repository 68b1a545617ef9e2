package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

const (
	queue        = "failover"
	kind         = "failover"
	payloadBytes = 200
	concurrency  = 16
)

// traffic is the producers and the worker. The worker outlives the producers: it has to finish what they began.
type traffic struct {
	ledger    *ledger
	writes    pulse
	producers []*producer
	pickups   pulse

	stopProducing context.CancelFunc
	producing     sync.WaitGroup
	stopWorking   context.CancelFunc
	background    *errgroup.Group
}

// startTraffic starts producers and worker, and returns when tasks flow. The context that it returns ends if one of them does.
func startTraffic(ctx context.Context, c config, g *group, logger *slog.Logger) (*traffic, context.Context, error) {
	t := &traffic{ledger: newLedger()}
	t.background, ctx = errgroup.WithContext(ctx)
	working, stopWorking := context.WithCancel(ctx)
	producing, stopProducing := context.WithCancel(ctx)
	t.stopWorking, t.stopProducing = stopWorking, stopProducing
	t.background.Go(func() error { return t.consume(working, g.addrs(0), logger.With("program", "worker")) })
	for i := range c.Producers {
		name := fmt.Sprintf("producer %d", i+1)
		p := &producer{
			number: i, traffic: t, pause: time.Duration(float64(c.Producers) / c.Rate * float64(time.Second)),
			config: client.Config{Addrs: g.addrs(i), Name: name, Logger: logger.With("program", name)},
		}
		t.producers = append(t.producers, p)
		t.producing.Add(1)
		t.background.Go(func() error {
			defer t.producing.Done()
			return p.run(producing)
		})
	}
	if err := t.awaitBeats(ctx, time.Now()); err != nil {
		return nil, nil, errors.Join(err, t.end())
	}
	return t, ctx, nil
}

// pulses are all that is measured.
func (t *traffic) pulses() []*pulse {
	all := []*pulse{&t.writes, &t.pickups}
	for _, p := range t.producers {
		all = append(all, &p.acks)
	}
	return all
}

// recoveryTime is how long a pulse may pause before it is taken for dead.
const recoveryTime = time.Minute

// awaitBeats waits until every pulse has beaten after a time.
func (t *traffic) awaitBeats(ctx context.Context, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, p := range t.pulses() {
		for !p.beatenSince(at) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("some producer or the worker stands still: %w", context.Cause(ctx))
			}
		}
	}
	return nil
}

// endProducers lets the producers finish the calls that are under way.
func (t *traffic) endProducers() {
	t.stopProducing()
	t.producing.Wait()
}

// end stops the worker too, and returns what went wrong with any of them.
func (t *traffic) end() error {
	t.endProducers()
	t.stopWorking()
	return t.background.Wait()
}

// consume runs the worker until ctx is done.
func (t *traffic) consume(ctx context.Context, addrs []string, logger *slog.Logger) error {
	c, err := client.New(client.Config{Addrs: addrs, Logger: logger})
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{queue: 1}, Concurrency: concurrency, Name: "failover", Logger: logger})
	if err != nil {
		return err
	}
	w.HandleFunc(worker.AnyKind, func(_ context.Context, task *worker.RawTask) error {
		t.pickups.beat(time.Now())
		t.ledger.run(task.ID)
		return nil
	})
	return w.Run(ctx)
}
