package backups

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

const (
	// lookEvery is how often it is looked whether this member leads, and whether a backup is due.
	lookEvery = time.Second
	// retryAfter is how long after a failure it is tried again; sooner where backups are more frequent.
	retryAfter = 5 * time.Minute
)

// Schedule backs up a group while this member leads it. What is due is known from what lies at the destination, so that with a
// new leader none is doubled and none is missed.
type Schedule struct {
	Source    Source
	To        bucket.Bucket
	ClusterID func() string
	// Leads reports whether this member leads, and the group isn't suspended.
	Leads   func() bool
	Every   time.Duration
	Policy  Policy
	Archive archive.Options
	// Keys decrypt what was saved, to prove it. Where they don't, only that it lies at the destination as it was sent is proved.
	Keys    archive.Keys
	TempDir string
	// Pace bounds how fast the trial restore unpacks; nil: nothing does.
	Pace   *store.Pacer
	Now    func() time.Time
	Logger *slog.Logger

	metrics *metrics
	known   bool      // what lies at the destination
	last    time.Time // of the newest good backup there
	failed  time.Time // the last attempt, if it failed
}

// Register registers the metrics. Call it once, before Run.
func (s *Schedule) Register(r prometheus.Registerer) error {
	s.metrics = newMetrics()
	return r.Register(s.metrics)
}

// Run works until ctx is done.
func (s *Schedule) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.step(ctx)
		}
	}
}

// step does what is due.
func (s *Schedule) step(ctx context.Context) {
	if !s.Leads() {
		s.known = false
		s.metrics.set(func() { s.metrics.leads = false })
		return
	}
	now := s.Now()
	if wait := now.Sub(s.failed); !s.failed.IsZero() && wait >= 0 && wait < min(retryAfter, s.Every) {
		return
	}
	ctx, stop := s.whileLeading(ctx)
	defer stop()
	if !s.known {
		if err := s.look(ctx); err != nil {
			s.fail(ctx, stepLook, err)
			return
		}
	}
	if age := now.Sub(s.last); !s.last.IsZero() && age >= -s.Every && age < s.Every { // one from far ahead is a clock's error
		return
	}
	if step, err := s.backUp(ctx); err != nil {
		s.fail(ctx, step, err)
		return
	}
	s.failed = time.Time{}
}

// whileLeading ends with this member's leadership: another one's backup mustn't be doubled.
func (s *Schedule) whileLeading(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for s.Leads() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		cancel(errLeadershipLost)
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}

var errLeadershipLost = errors.New("this member doesn't lead any more")

// fail notes a failure. That of a member that stops or has lost its leadership is none.
func (s *Schedule) fail(ctx context.Context, step string, err error) {
	s.failed = s.Now()
	if ctx.Err() != nil {
		s.failed = time.Time{}
		s.Logger.Info("the scheduled backup was given up", "step", step, "cause", context.Cause(ctx))
		return
	}
	s.metrics.failures.WithLabelValues(step).Inc()
	s.Logger.Error("the scheduled backup failed, and is tried again", "step", step, "to", s.To.String(), "after", min(retryAfter, s.Every), "error", err)
}

// look finds out what lies at the destination.
func (s *Schedule) look(ctx context.Context) error {
	list, err := List(ctx, s.To, s.ClusterID(), s.Keys)
	if err != nil {
		return err
	}
	s.note(list)
	s.known = true
	return nil
}

// note takes down the newest of a list.
func (s *Schedule) note(list []Entry) {
	var good, proved *Entry
	for i := range list { // by time
		e := &list[i]
		if !e.Good() {
			continue
		}
		good = e
		if !e.Verified.IsZero() {
			proved = e
		}
	}
	s.last = time.Time{}
	s.metrics.set(func() {
		s.metrics.leads, s.metrics.last, s.metrics.proved, s.metrics.bytes = true, time.Time{}, time.Time{}, 0
		if good != nil {
			s.last = good.At()
			s.metrics.last, s.metrics.bytes = good.At(), good.Size
		}
		if proved != nil {
			s.metrics.proved = proved.At()
		}
	})
}

// backUp saves, proves and prunes. Nothing is pruned after anything else than a proven backup.
func (s *Schedule) backUp(ctx context.Context) (step string, err error) {
	start := time.Now()
	saved, err := Save(ctx, s.Source, s.To, SaveOptions{Archive: s.Archive, Now: s.Now})
	if err != nil {
		return stepSave, err
	}
	if saved.Reason != "" {
		return stepSave, fmt.Errorf("%w: %s; %s is marked so", ErrNotAgreed, saved.Reason, saved.Name)
	}
	took := time.Since(start)
	s.last = saved.Manifest.Created
	s.metrics.set(func() {
		s.metrics.last, s.metrics.bytes, s.metrics.took, s.metrics.measured = s.last, saved.Size, took, true
	})
	s.Logger.Info("saved a backup", "to", s.To.String(), "name", saved.Name, "index", saved.Manifest.Index, "bytes", saved.Size, "after", took)
	if err := s.prove(ctx, saved); err != nil {
		s.last = time.Time{} // it is no use: try again
		return stepVerify, err
	}
	if err := s.prune(ctx); err != nil {
		return stepPrune, err
	}
	return "", nil
}

// prove verifies what was saved.
func (s *Schedule) prove(ctx context.Context, saved Saved) error {
	if saved.Manifest.Body.Encrypted() && len(s.Keys.Identities) == 0 {
		return VerifyStored(ctx, s.To, saved)
	}
	o, err := OpenAt(ctx, s.To, saved.Name, s.Keys)
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }() // only read
	if _, err := Verify(ctx, o.Reader, VerifyOptions{Dir: s.TempDir, Now: s.Now, Pace: s.Pace}); err != nil {
		return fmt.Errorf("%s: %w", saved.Name, err)
	}
	s.metrics.set(func() { s.metrics.proved = saved.Manifest.Created })
	return Mark(ctx, s.To, saved.Name, saved.Manifest, s.Now())
}

func (s *Schedule) prune(ctx context.Context) error {
	if s.Policy.IsZero() {
		return nil
	}
	list, err := List(ctx, s.To, s.ClusterID(), s.Keys)
	if err != nil {
		return err
	}
	n, err := Remove(ctx, s.To, Plan(list, s.Policy))
	if n > 0 {
		s.Logger.Info("removed old backups and logs", "at", s.To.String(), "archives", n)
	}
	return err
}
