package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lull is the longest time between a trial and the next. It is random, so that strikes don't keep step with heartbeats.
const lull = time.Second

// trial is what one strike did.
type trial struct {
	Leader         string    `json:"leader"`
	At             time.Time `json:"at"`
	WriteGapMs     float64   `json:"write_gap_ms"`
	ProducerGapMs  float64   `json:"producer_gap_ms"`
	PickupGapMs    float64   `json:"pickup_gap_ms"`
	HealthyAfterMs float64   `json:"healthy_after_ms"` // since the member came back

	write, producer, pickup time.Duration
}

// measure goes through all trials and the audit. The report is nil if there is nothing to tell.
func measure(ctx context.Context, c config) (r *report, err error) {
	log, err := os.Create(filepath.Join(c.logs, "programs.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	logger := slog.New(slog.NewJSONHandler(log, nil))
	g, err := startGroup(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	l, ctx, err := startTraffic(ctx, c, g, logger)
	if err != nil {
		return nil, err
	}
	var trials []trial
	for n := range c.Trials {
		t, err := once(ctx, c, g, l)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("trial %d: %w", n+1, err), l.end())
		}
		trials = append(trials, t)
		fmt.Fprintf(os.Stderr, "trial %d: %s, writes %s, slowest producer %s, pick-ups %s\n",
			n+1, t.Leader, round(t.write), round(t.producer), round(t.pickup))
	}
	l.endProducers()
	a, err := audit(ctx, g.client, l.ledger)
	if err := errors.Join(err, l.end()); err != nil {
		return nil, err
	}
	return newReport(c, trials, a), a.verdict()
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// once strikes the leader, watches, and brings it back.
func once(ctx context.Context, c config, g *group, l *traffic) (trial, error) {
	if err := sleep(ctx, rand.N(lull)); err != nil {
		return trial{}, err
	}
	leader, err := g.leader(ctx)
	if err != nil {
		return trial{}, err
	}
	for _, p := range l.pulses() {
		p.watch()
	}
	t := trial{Leader: leader.id, At: time.Now()}
	revive, err := strike(c, leader)
	if err != nil {
		return t, err
	}
	if err := sleep(ctx, time.Until(t.At.Add(c.window))); err != nil {
		return t, err
	}
	if err := l.awaitBeats(ctx, time.Now()); err != nil {
		return t, err
	}
	t.gaps(l, time.Now())
	revived := time.Now()
	if err := revive(); err != nil {
		return t, err
	}
	err = g.awaitHealth(ctx)
	t.HealthyAfterMs = ms(time.Since(revived))
	return t, err
}

// strike does to the leader what is to be measured, and returns what makes it whole. One that is stopped goes on before
// that, when its time is over.
func strike(c config, leader *member) (revive func() error, err error) {
	if c.Signal == signalKill {
		return leader.start, leader.kill()
	}
	thawed := make(chan error, 1)
	if err := leader.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	time.AfterFunc(c.stop, func() { thawed <- leader.signal(syscall.SIGCONT) })
	return func() error { return <-thawed }, nil
}

// gaps reads the pulses.
func (t *trial) gaps(l *traffic, now time.Time) {
	t.write, t.pickup = l.writes.gap(now), l.pickups.gap(now)
	for _, p := range l.producers {
		t.producer = max(t.producer, p.acks.gap(now))
	}
	t.WriteGapMs, t.ProducerGapMs, t.PickupGapMs = ms(t.write), ms(t.producer), ms(t.pickup)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
