package main

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/client"
)

const (
	payloadBytes = 200
	fillBatch    = 2_000
	callers      = 64
	// step is how often the steady load sends what is due by then.
	step = time.Millisecond
)

// oneTask has a payload that doesn't compress.
func oneTask() client.Args {
	payload := make([]byte, payloadBytes)
	_, _ = rand.Read(payload) // it never fails
	return client.Raw("bench", payload)
}

// fill enqueues the tasks that wait in the state.
func fill(ctx context.Context, c *client.Client, tasks int) error {
	batch := make([]client.NewTask, fillBatch)
	for left := tasks; left > 0; left -= fillBatch {
		for i := range batch {
			batch[i] = client.NewTask{Args: oneTask(), Options: []client.Option{client.Queue("waiting")}}
		}
		if _, err := c.EnqueueMany(ctx, batch[:min(left, fillBatch)]); err != nil {
			return err
		}
	}
	return nil
}

// peak is how many tasks a second the callers get acknowledged, one at a time each.
func peak(ctx context.Context, c *client.Client, window time.Duration) (float64, error) {
	var done atomic.Int64
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range callers {
		group.Go(func() error {
			for time.Since(start) < window {
				if _, err := c.Enqueue(ctx, oneTask(), client.Queue("load")); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), err
}

// steady is what became of a steady load.
type steady struct {
	PerS  float64           `json:"per_s"`
	AckMs *load.Percentiles `json:"ack_ms"`
	// RoundP99Ms are the 99th percentiles of the rounds, one by one.
	RoundP99Ms []float64 `json:"round_p99_ms"`
}

// offered is a steady load, of all its rounds together.
type offered struct {
	took   []time.Duration
	span   time.Duration
	rounds []float64
}

func (o *offered) steady() steady {
	return steady{PerS: float64(len(o.took)) / o.span.Seconds(), AckMs: load.PercentilesOf(o.took), RoundP99Ms: o.rounds}
}

// offer sends tasks at a rate until during returns, and returns when all are acknowledged.
func (o *offered) offer(ctx context.Context, c *client.Client, perSecond float64, during func() error) error {
	var mu sync.Mutex // guards took
	var took []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	group.Go(func() error {
		defer close(ended)
		return during()
	})
	start, sent := time.Now(), 0
	tick := time.NewTicker(step)
	defer tick.Stop()
	for going := true; going; {
		select {
		case <-ended:
			going = false
		case <-tick.C:
			for due := int(time.Since(start).Seconds() * perSecond); sent < due; sent++ {
				at := start.Add(time.Duration(float64(sent) / perSecond * float64(time.Second)))
				group.Go(func() error {
					_, err := c.Enqueue(ctx, oneTask(), client.Queue("load"))
					mu.Lock()
					took = append(took, time.Since(at))
					mu.Unlock()
					return err
				})
			}
		}
	}
	err := group.Wait()
	o.span += time.Since(start)
	o.took = append(o.took, took...)
	o.rounds = append(o.rounds, load.PercentilesOf(took).P99)
	return err
}
