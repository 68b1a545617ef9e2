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
	// lookAgain is how often it is looked anew at what lies at the destination, where others may have proved a backup.
	lookAgain = time.Hour
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
	// Log says that the servers archive the log to the same place: it is proved as well, after each backup. LogEncrypted says that
	// they encrypt it.
	Log, LogEncrypted bool
	// Pace bounds how fast the trial restore unpacks; nil: nothing does.
	Pace   *store.Pacer
	Now    func() time.Time
	Logger *slog.Logger

	metrics  *metrics
	known    bool             // what lies at the destination
	looked   time.Time        // when
	last     time.Time        // of the newest good backup there
	failed   time.Time        // the last attempt, if it failed
	unproven *Entry           // the newest good backup, if a trial restore of it is still to be made
	saved    archive.Manifest // of the last backup that this member proved
	logDue   bool             // the log up to that one is to be proved
	logNext  time.Time        // when it is tried
	pruneDue bool             // old backups are to go, once all is proved
}

// Register registers the metrics. Call it once, before Run.
func (s *Schedule) Register(r prometheus.Registerer) error {
	if s.storedOnly() {
		s.Logger.Warn("scheduled backups are encrypted and can't be read here: only that they lie at the destination as they were sent is proved. " +
			"Give --backup-identity, or run 'rowlock backup verify' where the key is")
	}
	s.metrics = newMetrics()
	s.metrics.log, s.metrics.restores = s.Log, !s.storedOnly()
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
		s.known, s.unproven, s.logDue, s.pruneDue = false, nil, false, false
		s.metrics.set(func() { s.metrics.leads = false })
		return
	}
	now := s.Now()
	if wait := now.Sub(s.failed); !s.failed.IsZero() && wait >= 0 && wait < min(retryAfter, s.Every) {
		return
	}
	ctx, stop := s.whileLeading(ctx)
	defer stop()
	if age := now.Sub(s.looked); !s.known || age < 0 || age >= lookAgain {
		if err := s.look(ctx); err != nil {
			s.fail(ctx, stepLook, err)
			return
		}
	}
	step, err := s.due(ctx, now)
	if err != nil {
		s.fail(ctx, step, err)
		return
	}
	s.failed = time.Time{}
}

// due does one thing after the other. Nothing is pruned before the last backup, and the log up to it, are proved.
func (s *Schedule) due(ctx context.Context, now time.Time) (step string, err error) {
	if age := now.Sub(s.last); s.last.IsZero() || age < -s.Every || age >= s.Every { // one from far ahead is a clock's error
		if err := s.backUp(ctx); err != nil {
			return stepSave, err
		}
	}
	if e := s.unproven; e != nil {
		if err := s.prove(ctx, e.Name, e.Manifest); err != nil {
			s.last = time.Time{} // it is no use: try again
			return stepVerify, err
		}
		s.unproven, s.saved = nil, e.Manifest
		s.logDue, s.logNext, s.pruneDue = s.Log, now, !s.Policy.IsZero()
	}
	if s.logDue && !now.Before(s.logNext) {
		done, err := s.proveLog(ctx)
		s.logDue, s.logNext = !done, now.Add(logPause)
		if err != nil {
			s.pruneDue = s.pruneDue && !done
			return stepVerifyLog, err
		}
	}
	if s.logDue || !s.pruneDue {
		return "", nil
	}
	if err := s.prune(ctx); err != nil {
		return stepPrune, err
	}
	s.pruneDue = false
	return "", nil
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
	at := []any{"step", step, "to", s.To.String(), "after", min(retryAfter, s.Every), "error", err}
	if step == stepVerifyLog {
		s.Logger.Error("the log behind the backups isn't proved, and old backups stay", at...)
		return
	}
	s.Logger.Error("the scheduled backup failed, and is tried again", at...)
}

// look finds out what lies at the destination.
func (s *Schedule) look(ctx context.Context) error {
	list, err := List(ctx, s.To, s.ClusterID(), s.Keys)
	if err != nil {
		return err
	}
	s.note(list)
	if err := s.noteLog(ctx, list); err != nil {
		return err
	}
	s.known, s.looked = true, s.Now()
	return nil
}

// noteLog takes down up to where the log of the newest timeline is proved.
func (s *Schedule) noteLog(ctx context.Context, list []Entry) error {
	timeline := ""
	for i := range list {
		if list[i].Kind == archive.Full {
			timeline = max(timeline, list[i].Timeline)
		}
	}
	if !s.Log || timeline == "" {
		return nil
	}
	proved, err := readLogMark(ctx, s.To, s.ClusterID(), timeline)
	if err == nil {
		s.metrics.set(func() { s.metrics.logProved = proved })
	}
	return err
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
	s.last, s.unproven = time.Time{}, nil
	if good != nil && good.Verified.IsZero() && !s.storedOnly() {
		s.unproven = good
	}
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

// backUp saves.
func (s *Schedule) backUp(ctx context.Context) error {
	start := time.Now()
	saved, err := Save(ctx, s.Source, s.To, SaveOptions{Archive: s.Archive, Now: s.Now})
	if err != nil {
		return err
	}
	if saved.Reason != "" {
		return fmt.Errorf("%w: %s; %s is marked so", ErrNotAgreed, saved.Reason, saved.Name)
	}
	took := time.Since(start)
	s.last = saved.Manifest.Created
	s.metrics.set(func() {
		s.metrics.last, s.metrics.bytes, s.metrics.took, s.metrics.measured = s.last, saved.Size, took, true
	})
	s.Logger.Info("saved a backup", "to", s.To.String(), "name", saved.Name, "index", saved.Manifest.Index, "bytes", saved.Size, "after", took)
	s.unproven = &Entry{Name: saved.Name, Manifest: saved.Manifest}
	return nil
}

// storedOnly reports that what is encrypted can't be read here: only that it lies at the destination as it was sent is proved.
func (s *Schedule) storedOnly() bool {
	return len(s.Archive.Recipients) > 0 && len(s.Keys.Identities) == 0
}

// prove verifies a backup that was saved.
func (s *Schedule) prove(ctx context.Context, name string, m archive.Manifest) error {
	if s.storedOnly() {
		return VerifyStored(ctx, s.To, name, m, s.Pace)
	}
	o, err := OpenAt(ctx, s.To, name, s.Keys)
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }() // only read
	if _, err := Verify(ctx, o.Reader, VerifyOptions{Dir: s.TempDir, Now: s.Now, Pace: s.Pace}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.metrics.set(func() { s.metrics.proved = m.Created })
	return Mark(ctx, s.To, name, m, s.Now())
}

func (s *Schedule) prune(ctx context.Context) error {
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
