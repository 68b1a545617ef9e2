package logarchive

import (
	"context"
	"errors"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Point is a moment of the state.
type Point struct {
	Index uint64    `json:"index"`
	Time  time.Time `json:"time"`
}

// Span is a stretch of a timeline of which every moment can be restored: from a full backup to the end of the logs that go on
// from there. Between a span and the next one of its timeline entries are missing.
type Span struct {
	ClusterID string `json:"cluster_id"`
	Timeline  string `json:"timeline"`
	From      Point  `json:"from"`
	To        Point  `json:"to"`
	Fulls     int    `json:"fulls"`
	Logs      int    `json:"logs"`
	Bytes     int64  `json:"bytes"`
	// Missing is how many entries are missing between the span before, of the same timeline, and this one.
	Missing uint64 `json:"missing"`
	// Problem says why the times aren't known: a manifest can't be read.
	Problem string `json:"problem,omitempty"`
}

// Spans tells what a destination covers, by cluster, timeline and index. It reads the manifests at both ends of each span,
// and no bodies: whether every archive is sound, a replay tells.
func Spans(ctx context.Context, b bucket.Bucket, cluster string, keys archive.Keys) (spans []Span, err error) {
	err = again(func() error {
		spans, err = spansOf(ctx, b, cluster, keys)
		return err
	})
	return spans, err
}

func spansOf(ctx context.Context, b bucket.Bucket, cluster string, keys archive.Keys) ([]Span, error) {
	lines, err := List(ctx, b, cluster)
	if err != nil {
		return nil, err
	}
	var spans []Span
	for i := range lines {
		more, err := lines[i].spans(ctx, b, keys)
		if err != nil {
			return nil, err
		}
		spans = append(spans, more...)
	}
	return spans, nil
}

func (l *Line) spans(ctx context.Context, b bucket.Bucket, keys archive.Keys) (spans []Span, err error) {
	for i := 0; i < len(l.Fulls); {
		first := l.Fulls[i]
		s := Span{ClusterID: l.ClusterID, Timeline: l.Timeline, From: Point{Index: first.Index}}
		reach, end := l.Reach(first.Index)
		last := first.Name
		if end != nil {
			last = end.Name
		}
		for ; i < len(l.Fulls) && l.Fulls[i].Index <= reach; i++ {
			s.Fulls++
			s.Bytes += l.Fulls[i].Size
		}
		for _, g := range l.Segments {
			if g.Last > first.Index && g.Last <= reach {
				s.Logs++
				s.Bytes += g.Size
			}
		}
		s.To.Index = reach
		if n := len(spans); n > 0 {
			s.Missing = s.From.Index - spans[n-1].To.Index
		}
		if err := s.date(ctx, b, first.Name, last, keys); err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// date reads the times of both ends.
func (s *Span) date(ctx context.Context, b bucket.Bucket, first, last string, keys archive.Keys) error {
	from, err1 := ReadManifest(ctx, b, first, keys)
	to, err2 := ReadManifest(ctx, b, last, keys)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := errors.Join(err1, err2); errors.Is(err, bucket.ErrNotFound) {
		return err
	} else if err != nil {
		s.Problem = err.Error()
	}
	s.From.Time, s.To.Time = from.Moment(), to.Moment()
	if s.To.Time.Before(s.From.Time) { // the group's clock and that of who made the first backup of it aren't the same
		s.From.Time = s.To.Time
	}
	return nil
}
