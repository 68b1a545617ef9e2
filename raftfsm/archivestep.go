package raftfsm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

var (
	// errNoFull says that there is nothing that logs could follow.
	errNoFull = errors.New("there is no full backup of this timeline to begin with")
	// ErrOtherHistory says that a destination has entries that this group never executed.
	ErrOtherHistory = errors.New("the destination has the archives of another history under this cluster's ID")
)

// found is what locate finds at the destination.
type found struct {
	end *logarchive.Link
	gap error // why a full backup must come first; nil: there is an end
}

// locate finds the end of the chain at the destination. Where there is none, or the log doesn't reach back to it, a full
// backup begins one.
func (a *archiver) locate(ctx context.Context) error {
	timeline := a.timeline
	f, err := call(ctx, a.out, a.config.Timeout, func(ctx context.Context) (found, error) { return a.look(ctx, timeline) })
	if err != nil {
		return err
	}
	a.located = time.Now()
	if f.gap != nil {
		return a.startOver(ctx, 0, f.gap)
	}
	return a.goOn(ctx, f.end)
}

// look lists the destination.
func (a *archiver) look(ctx context.Context, timeline string) (f found, err error) {
	lines, err := logarchive.List(ctx, a.config.Bucket, a.cluster)
	if err != nil {
		return f, err
	}
	for i := range lines {
		l := &lines[i]
		if l.Timeline != timeline || len(l.Fulls) == 0 {
			continue
		}
		end, err := l.End(ctx, a.config.Bucket, a.keys())
		if errors.Is(err, archive.ErrDamaged) || errors.Is(err, archive.ErrTruncated) || errors.Is(err, archive.ErrFormat) {
			a.logger.Warn("the last archive can't be gone on from: a full backup begins the archive anew", "to", a.config.Bucket.String(), "error", err)
			f.gap, err = err, nil
		}
		f.end = &end
		return f, err
	}
	f.gap = errNoFull
	return f, nil
}

// keys are those that manifests at the destination must be signed by.
func (a *archiver) keys() (k archive.Keys) {
	if s := a.config.Options.Signer; s != nil {
		k.Verify, _ = s.Public().(ed25519.PublicKey)
	}
	return k
}

// continues reports what keeps this member's log from going on behind an end of the chain: ErrLogGap, or ErrOtherHistory.
func (a *archiver) continues(end logarchive.Link) error {
	applied := a.log.applied()
	if end.Index > applied {
		return fmt.Errorf("%w: it has entry %d, and the group is at %d: give an empty destination", ErrOtherHistory, end.Index, applied)
	}
	term, err := a.log.term(end.Index)
	if errors.Is(err, ErrLogGap) && end.Index < applied { // the next entry is all that is needed
		_, err = a.log.term(end.Index + 1)
		term = end.Term
	}
	if err == nil && term != end.Term {
		err = fmt.Errorf("%w: entry %d is of term %d there and of term %d here: give an empty destination", ErrOtherHistory, end.Index, end.Term, term)
	}
	return err
}

// startOver begins the chain, which ends behind an entry, anew with a full backup. Entries from now on are kept for what follows it.
func (a *archiver) startOver(ctx context.Context, behind uint64, why error) error {
	a.end, a.tail = nil, archive.Manifest{}
	if errors.Is(why, ErrLogGap) && a.gapBehind != behind { // once, however often the full backup is tried
		a.gapBehind = behind
		a.metrics.gaps.Inc()
		a.logger.Warn("the archive has a gap: the log that it needs next is gone. A full backup begins it anew", "to", a.config.Bucket.String(), "error", why)
	}
	var level uint32
	a.read(func(m *task.Machine) { level = m.FeatureLevel() })
	if level >= task.LevelFeatures {
		if err := a.tell(ctx, a.log.applied()); err != nil {
			return err
		}
	}
	m, err := call(ctx, a.out, a.config.FullTimeout, a.full)
	if err != nil {
		return fmt.Errorf("full backup: %w", err)
	}
	if m.Timeline != a.timeline {
		return fmt.Errorf("full backup: it is of timeline %s, and the log of %s", m.Timeline, a.timeline)
	}
	end := logarchive.LinkOf(m)
	a.end = &end
	a.condition.reach(end)
	a.logger.Info("a full backup begins the archive", "to", a.config.Bucket.String(), "index", m.Index)
	return nil
}

// ship writes the next archive, together with the last one if that is small. more: there may be more to ship.
//
// ErrLogGap: the log doesn't have what comes next.
func (a *archiver) ship(ctx context.Context) (more bool, err error) {
	if a.log.applied() <= a.end.Index {
		return false, nil
	}
	base, again := *a.end, a.small()
	if again {
		base = logarchive.Link{Index: a.tail.PrevIndex, Term: a.tail.PrevTerm, SHA256: a.tail.PrevSHA256, StateTime: a.tail.FirstStateTime.UnixMicro()}
	}
	b, last, err := a.collect(base)
	if again && errors.Is(err, ErrLogGap) {
		base, again = *a.end, false
		b, last, err = a.collect(base)
	}
	if err != nil || last <= a.end.Index {
		return false, err
	}
	if a.timelineNow() != a.timeline { // a restore came between: what was read may be of the new one
		return false, nil
	}
	more = last < a.log.applied()
	object, m, err := b.Seal(a.about())
	if err != nil {
		return false, err
	}
	name, old := m.Name().String(), a.tail.Name().String()
	_, err = call(ctx, a.out, a.config.Timeout, func(ctx context.Context) (int64, error) {
		n, err := a.config.Bucket.Put(ctx, name, bytes.NewReader(object))
		if err == nil && again {
			// What can't be removed stays, and is in nobody's way.
			if err := a.config.Bucket.Remove(ctx, old); err != nil {
				a.logger.Debug("an archive that is part of another can't be removed", "name", old, "error", err)
			}
		}
		return n, err
	})
	if err != nil {
		return false, err
	}
	if !again {
		a.began = time.Now()
	}
	end := logarchive.LinkOf(m)
	a.end, a.tail = &end, m
	a.metrics.objects.Inc()
	a.metrics.bytes.Add(float64(len(object)))
	return more, nil
}

// small reports whether the last archive is to be written again.
func (a *archiver) small() bool {
	return a.tail.Index != 0 && a.tail.Body.PlainSize < smallBytes && time.Since(a.began) < smallSpan
}

// collect reads what comes behind a link.
func (a *archiver) collect(base logarchive.Link) (b *logarchive.Batch, last uint64, err error) {
	if b, err = logarchive.NewBatch(base, a.config.Options); err != nil {
		return nil, 0, err
	}
	last, err = a.log.read(base.Index, batchBytes, b.Add)
	return b, last, err
}

// about is what a manifest says besides of what is in the archive.
func (a *archiver) about() (m archive.Manifest) {
	m.ClusterID, m.NodeID, m.Version, m.Timeline, m.Created = a.cluster, a.nodeID, a.config.Version, a.timeline, time.Now().UTC()
	a.read(func(x *task.Machine) { m.FeatureLevel = x.FeatureLevel() })
	return m
}
