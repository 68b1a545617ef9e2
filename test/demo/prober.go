package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/rowlock/rowlock/client"
)

const (
	probeQueue   = "probe"
	probePause   = 5 * time.Millisecond
	probeTimeout = 250 * time.Millisecond
)

// prober enqueues small tasks, one after the other, and notes when each was acknowledged.
type prober struct {
	client *client.Client
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu   sync.Mutex // guards what follows
	acks []ack
	err  error // that no failover explains; it has ended
}

// ack is an acknowledged write.
type ack struct {
	id string // of the task
	at time.Time
}

// startProber starts one that goes through these members. It never repeats a call: the next one is a task of its own.
func startProber(ctx context.Context, addrs []string) (*prober, error) {
	c, err := client.New(client.Config{Addrs: addrs, OneShot: true, RetryFor: -1, AttemptTimeout: probeTimeout})
	if err != nil {
		return nil, err
	}
	p := &prober{client: c}
	ctx, p.cancel = context.WithCancel(ctx)
	p.work.Go(func() { p.run(ctx) })
	return p, nil
}

// stop ends the prober.
func (p *prober) stop() {
	p.cancel()
	p.work.Wait()
	p.client.Close()
}

func (p *prober) run(ctx context.Context) {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	for n := 1; ; n++ {
		receipt, err := p.client.Enqueue(ctx, client.Raw("", []byte(strconv.Itoa(n))), client.Queue(probeQueue))
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			p.note(ack{receipt.ID, time.Now()}, nil)
		case !errors.Is(err, client.ErrUnavailable) && !errors.Is(err, client.ErrUnknownOutcome):
			p.note(ack{}, err)
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *prober) note(a ack, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		p.acks = append(p.acks, a)
	}
}

// all returns the writes acknowledged so far, or what no failover explains.
func (p *prober) all() ([]ack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, fmt.Errorf("a probe failed: %w", p.err)
	}
	return p.acks[:len(p.acks):len(p.acks)], nil
}

// await waits until so many more writes were acknowledged.
func (p *prober) await(ctx context.Context, more int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	before, err := p.all()
	for now := before; len(now) < len(before)+more; now, err = p.all() {
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d writes acknowledged, waited for %d: %w", len(now)-len(before), more, ctx.Err())
		}
	}
	return nil
}

// longestGap is the longest time between two acknowledged writes, of which the second was after the first moment and not
// after the last.
func longestGap(acks []ack, first, last time.Time) time.Duration {
	var longest time.Duration
	for i := 1; i < len(acks); i++ {
		if at := acks[i].at; at.After(first) && !at.After(last) {
			longest = max(longest, at.Sub(acks[i-1].at))
		}
	}
	return longest
}
