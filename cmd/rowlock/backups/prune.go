package backups

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Policy says which full backups are kept: the last of each of so many of the newest hours, days, weeks and months that have
// one, in UTC, and the last ones whatever their time.
type Policy struct {
	Last, Hourly, Daily, Weekly, Monthly int
}

// IsZero reports whether nothing is kept by it.
func (p Policy) IsZero() bool { return p == Policy{} }

// Decision is what becomes of an archive.
type Decision struct {
	*Entry
	Remove bool
	Why    string // it is kept, or removed
}

// Plan decides on archives, by cluster. What it keeps, whatever the policy:
//
//   - the newest good full backup of a cluster, and the newest that a trial restore succeeded with;
//   - all of a cluster that has no good one;
//   - what can't be opened: that is for a person to look at;
//   - log archives with entries behind the oldest full backup that is kept, and those of later timelines;
//   - the full backups that such log archives begin with, as behind a gap or a restore.
func Plan(list []Entry, p Policy) []Decision {
	var out []Decision
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(e Entry) bool { return e.ClusterID != list[0].ClusterID })
		if n < 0 {
			n = len(list)
		}
		out = append(out, planCluster(list[:n], p)...)
		list = list[n:]
	}
	return out
}

func planCluster(list []Entry, p Policy) []Decision {
	out := make([]Decision, len(list))
	var fulls []*Decision // those that can be opened, the newest first; of two at a time the one that was agreed on
	for i := range list {
		out[i].Entry = &list[i]
		switch {
		case list[i].Kind != archive.Full:
		case list[i].Err != nil:
			out[i].Why = "it can't be opened: look at it, and remove it yourself"
		default:
			fulls = append(fulls, &out[i])
		}
	}
	slices.SortStableFunc(fulls, func(a, b *Decision) int { return b.At().Compare(a.At()) })
	good := slices.IndexFunc(fulls, func(d *Decision) bool { return d.Good() })
	if good < 0 {
		for i := range out {
			out[i].Why = cmp.Or(out[i].Why, "the cluster has no good full backup")
		}
		return out
	}
	keepBy(fulls, p)
	fulls[good].Why = cmp.Or(fulls[good].Why, "the newest good one")
	if v := slices.IndexFunc(fulls, func(d *Decision) bool { return d.Good() && !d.Verified.IsZero() }); v >= 0 {
		fulls[v].Why = cmp.Or(fulls[v].Why, "the newest that is verified")
	}
	for _, d := range fulls {
		if d.Why == "" {
			d.Remove, d.Why = true, "the policy doesn't keep it"
		}
	}
	keepLogs(out)
	return out
}

// keepBy gives a reason to those that the policy keeps. In each period it is the last good one, or the last if none is good.
func keepBy(fulls []*Decision, p Policy) {
	for i, d := range fulls {
		if i < p.Last {
			d.Why = fmt.Sprintf("one of the last %d", p.Last)
		}
	}
	for _, rule := range []struct {
		n      int
		name   string
		period func(t time.Time) string
	}{
		{p.Hourly, "hourly", func(t time.Time) string { return t.Format("2006-01-02 15") }},
		{p.Daily, "daily", func(t time.Time) string { return t.Format("2006-01-02") }},
		{p.Weekly, "weekly", func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, " ", w) }},
		{p.Monthly, "monthly", func(t time.Time) string { return t.Format("2006-01") }},
	} {
		best := map[string]*Decision{}
		var order []string
		for _, d := range fulls {
			period := rule.period(d.At().UTC())
			switch b := best[period]; {
			case b == nil:
				best[period] = d
				order = append(order, period)
			case !b.Good() && d.Good():
				best[period] = d
			}
		}
		for _, period := range order[:min(rule.n, len(order))] {
			best[period].Why = cmp.Or(best[period].Why, rule.name)
		}
	}
}

// Remove removes what was decided so: log archives and the marks of verification first, so that nothing is left that needs what
// has gone. It returns how many archives are gone, also with an error.
func Remove(ctx context.Context, b bucket.Bucket, plan []Decision) (removed int, err error) {
	for _, kind := range []string{archive.Log, archive.Full} {
		for i := range plan {
			d := &plan[i]
			if !d.Remove || d.Kind != kind {
				continue
			}
			if kind == archive.Full && !d.Verified.IsZero() {
				if err := b.Remove(ctx, markName(d.Name)); err != nil {
					return removed, err
				}
			}
			if err := b.Remove(ctx, d.Name); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}
