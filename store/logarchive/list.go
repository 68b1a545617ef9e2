package logarchive

import (
	"cmp"
	"context"
	"slices"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Line is what a destination holds of one timeline of one cluster.
type Line struct {
	ClusterID string
	Timeline  string
	Fulls     []Full    // by index
	Segments  []Segment // by their first entry
}

// List finds the timelines at a destination by the objects' names, by cluster and timeline. With a cluster ID it looks for
// that one's only.
func List(ctx context.Context, b bucket.Bucket, cluster string) ([]Line, error) {
	prefix := ""
	if cluster != "" {
		prefix = cluster + "/"
	}
	objects, err := b.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	type key struct{ cluster, timeline string }
	found := map[key]*Line{}
	line := func(cluster, timeline string) *Line {
		k := key{cluster, timeline}
		if found[k] == nil {
			found[k] = &Line{ClusterID: cluster, Timeline: timeline}
		}
		return found[k]
	}
	for _, o := range objects {
		n, ok := parse(o)
		if !ok {
			continue
		}
		l := line(n.ClusterID, n.Timeline)
		if n.Kind == archive.Log {
			l.Segments = append(l.Segments, Segment{Name: o.Name, First: n.First, Last: n.Index, Size: o.Size, archive: n})
		} else {
			l.Fulls = append(l.Fulls, Full{Name: o.Name, ClusterID: n.ClusterID, Timeline: n.Timeline, Index: n.Index, Size: o.Size})
		}
	}
	lines := make([]Line, 0, len(found))
	for _, l := range found {
		l.sort()
		lines = append(lines, *l)
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.Timeline, b.Timeline))
	})
	return lines, nil
}

func (l *Line) sort() {
	slices.SortFunc(l.Fulls, func(a, b Full) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(l.Segments, func(a, b Segment) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
}

// Reach is the last entry up to which the log archives go on, by their names, behind an entry, without a gap; and the archive
// that has it. With none it is the entry itself.
func (l *Line) Reach(from uint64) (last uint64, end *Segment) {
	last = from
	for i := range l.Segments { // by their first entry
		s := &l.Segments[i]
		if s.First > last+1 {
			break
		}
		if s.Last > last {
			last, end = s.Last, s
		}
	}
	return last, end
}

// Behind are the archives with entries behind an entry.
func (l *Line) Behind(index uint64) (list []Segment) {
	for _, s := range l.Segments {
		if s.Last > index {
			list = append(list, s)
		}
	}
	return list
}

// End is where the archives end: at the last entry of the logs behind the newest full backup, or at that itself. The line must
// have one.
func (l *Line) End(ctx context.Context, b bucket.Bucket, keys archive.Keys) (Link, error) {
	full := l.Fulls[len(l.Fulls)-1]
	name := full.Name
	if _, last := l.Reach(full.Index); last != nil {
		name = last.Name
	}
	m, err := ReadManifest(ctx, b, name, keys)
	if err != nil {
		return Link{}, err
	}
	return LinkOf(m), nil
}

// Tail is where the log archives end that come before the newest full backup without reaching it; false: there are none, or they do.
// Who goes on there, and not behind that full backup, leaves no gap.
func (l *Line) Tail(ctx context.Context, b bucket.Bucket, keys archive.Keys) (tail Link, ok bool, err error) {
	newest := l.Fulls[len(l.Fulls)-1].Index
	for i := len(l.Fulls) - 1; i >= 0; i-- {
		last, end := l.Reach(l.Fulls[i].Index)
		if end == nil {
			continue
		}
		if last >= newest {
			return Link{}, false, nil
		}
		m, err := ReadManifest(ctx, b, end.Name, keys)
		return LinkOf(m), err == nil, err
	}
	return Link{}, false, nil
}
