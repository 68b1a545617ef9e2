package logarchive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Target is the moment to bring back. The zero value is the last one that is covered.
type Target struct {
	// Index is an entry of the log: the state right after it.
	Index uint64
	// Time is a time of the state: what the last entry up to that time, inclusive, left.
	Time time.Time
}

// String names it as flags do.
func (t Target) String() string {
	switch {
	case t.Index != 0:
		return fmt.Sprintf("index %d", t.Index)
	case !t.Time.IsZero():
		return "time " + t.Time.UTC().Format(time.RFC3339Nano)
	}
	return "the end"
}

// Request is what to look for at a destination.
type Request struct {
	// ClusterID is required where the destination has archives of more than one cluster.
	ClusterID string
	// Timeline is 16 hex digits; empty: the newest that had begun by the target.
	Timeline string
	Target   Target
}

// Plan is a full backup and the log archives that lead from there to a target.
type Plan struct {
	Full     Full
	Manifest archive.Manifest // the full backup's
	Segments []Segment        // behind it, of its timeline
	Target   Target
	Covers   Span // the span that the target is in
}

// ErrNotCovered says that a destination doesn't cover the moment that was asked for.
var ErrNotCovered = errors.New("not covered")

// MakePlan chooses the newest full backup up to the target, and the logs behind it.
//
// ErrNotCovered, with what is covered: the target is before the first full backup, behind the end of the logs, or in a gap.
func MakePlan(ctx context.Context, b bucket.Bucket, r Request, keys archive.Keys) (p Plan, err error) {
	err = again(func() error {
		p, err = makePlan(ctx, b, r, keys)
		return err
	})
	return p, err
}

func makePlan(ctx context.Context, b bucket.Bucket, r Request, keys archive.Keys) (Plan, error) {
	if r.Target.Index != 0 && !r.Target.Time.IsZero() {
		return Plan{}, errors.New("a target has an index or a time, not both")
	}
	lines, err := r.Lines(ctx, b)
	if err != nil {
		return Plan{}, err
	}
	var unread error
	for i := len(lines) - 1; i >= 0; i-- {
		p, ok, err := lines[i].plan(ctx, b, r.Target, keys)
		if ok {
			return p, err
		}
		unread = errors.Join(unread, err)
	}
	spans, err := Spans(ctx, b, lines[0].ClusterID, keys)
	if err != nil {
		return Plan{}, err
	}
	return Plan{}, errors.Join(fmt.Errorf("%w: %s is before the first full backup at %s, which covers %s", ErrNotCovered, r.Target, b, describe(spans)), unread)
}

// Lines are the timelines to look at, those with a full backup, of one cluster, the newest last. ErrNotCovered: there is none.
func (r Request) Lines(ctx context.Context, b bucket.Bucket) ([]Line, error) {
	lines, err := List(ctx, b, r.ClusterID)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(lines, func(l Line) bool {
		return len(l.Fulls) == 0 || r.Timeline != "" && l.Timeline != r.Timeline
	})
	var clusters []string
	for _, l := range lines {
		if !slices.Contains(clusters, l.ClusterID) {
			clusters = append(clusters, l.ClusterID)
		}
	}
	switch {
	case len(clusters) == 0 && r.Timeline != "":
		return nil, fmt.Errorf("%w: there is no full backup of timeline %s at %s", ErrNotCovered, r.Timeline, b)
	case len(clusters) == 0:
		return nil, fmt.Errorf("%w: there is no full backup at %s", ErrNotCovered, b)
	case len(clusters) > 1:
		return nil, fmt.Errorf("%s has backups of %d clusters (%s): say of which", b, len(clusters), strings.Join(clusters, ", "))
	}
	return lines, nil
}

// plan looks at one timeline; false: none of its full backups is early enough, and the error is what couldn't be read.
func (l *Line) plan(ctx context.Context, b bucket.Bucket, t Target, keys archive.Keys) (p Plan, ok bool, err error) {
	var unread error
	for i := len(l.Fulls) - 1; i >= 0; i-- {
		f := l.Fulls[i]
		if t.Index != 0 && f.Index > t.Index {
			continue
		}
		m, err := ReadManifest(ctx, b, f.Name, keys)
		if ctx.Err() != nil {
			return Plan{}, true, ctx.Err()
		}
		if err == nil && (m.Kind != archive.Full || m.Index != f.Index || m.Timeline != f.Timeline) {
			err = fmt.Errorf("%s: %w: by its manifest it is another archive", f.Name, ErrCorrupt)
		}
		if err != nil { // an earlier one leads there too
			unread = errors.Join(unread, err)
			continue
		}
		if !t.Time.IsZero() && m.Moment().After(t.Time) {
			continue
		}
		p := Plan{Full: f, Manifest: m, Segments: l.Behind(f.Index), Target: t}
		return p, true, p.check(ctx, b, l, keys)
	}
	return Plan{}, false, unread
}

// check makes sure that the logs reach the target.
func (p *Plan) check(ctx context.Context, b bucket.Bucket, l *Line, keys archive.Keys) error {
	spans, err := l.spans(ctx, b, keys)
	if err != nil {
		return err
	}
	for _, s := range spans {
		if s.From.Index <= p.Full.Index && p.Full.Index <= s.To.Index {
			p.Covers = s
		}
	}
	t := p.Target
	switch {
	case t.Index > p.Covers.To.Index:
	case !t.Time.IsZero() && p.Covers.Problem != "":
		return errors.New(p.Covers.Problem)
	case !t.Time.IsZero() && t.Time.After(p.Covers.To.Time):
	default:
		return nil
	}
	return fmt.Errorf("%w: the archives at %s don't reach %s: they cover %s", ErrNotCovered, b, t, describe(spans))
}

// describe tells what is covered in words.
func describe(spans []Span) string {
	if len(spans) == 0 {
		return "nothing"
	}
	var parts []string
	for _, s := range spans {
		parts = append(parts, fmt.Sprintf("%s (index %d) to %s (index %d)",
			s.From.Time.Format(time.RFC3339Nano), s.From.Index, s.To.Time.Format(time.RFC3339Nano), s.To.Index))
	}
	return strings.Join(parts, ", and ")
}
