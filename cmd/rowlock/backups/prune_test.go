package backups

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/archive"
)

// full is a full backup of so many days ago.
func full(index uint64, daysAgo int, change ...func(*Entry)) Entry {
	at := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC).AddDate(0, 0, -daysAgo)
	n := archive.Name{ClusterID: "c", Kind: archive.Full, Timeline: archive.Timeline0, Index: index}
	e := Entry{Name: n.String(), Size: 10, Modified: at, Manifest: archive.Manifest{Created: at, Agreed: agreed}}
	for _, c := range change {
		c(&e)
	}
	n.Timeline = e.Timeline
	if n.Timeline == "" {
		n.Timeline = archive.Timeline0
	}
	e.fill(n)
	return e
}

func logs(timeline string, first, last uint64) Entry {
	n := archive.Name{ClusterID: "c", Kind: archive.Log, Timeline: timeline, First: first, Index: last}
	e := Entry{Name: n.String(), Size: 10}
	e.fill(n)
	return e
}

func unagreed(e *Entry) { e.Manifest.Agreed = nil }
func damagedOne(e *Entry) {
	e.Err, e.Manifest = errors.New("damaged"), archive.Manifest{}
}
func provenOne(e *Entry) { e.Verified = e.Modified }

// kept are the indexes of what stays.
func kept(plan []Decision) string {
	var out []string
	for _, d := range plan {
		switch {
		case d.Remove:
		case d.Kind == archive.Log:
			out = append(out, fmt.Sprintf("log %d-%d", d.First, d.Index))
		default:
			out = append(out, fmt.Sprint(d.Index))
		}
	}
	return strings.Join(out, " ")
}

func TestPlan(t *testing.T) {
	const later = "0000000000000001"
	var month []Entry
	for i := range 40 { // one a day, of indexes 100 to 4000
		month = append(month, full(uint64(100*(i+1)), 39-i))
	}
	for name, c := range map[string]struct {
		list   []Entry
		policy Policy
		want   string
	}{
		"days and weeks": {month, Policy{Daily: 3, Weekly: 3}, "2900 3600 3800 3900 4000"},
		"months":         {month, Policy{Monthly: 2}, "1400 4000"},
		"the last":       {month, Policy{Last: 2}, "3900 4000"},
		"none, but the last good": {
			[]Entry{full(1, 9), full(2, 8), full(3, 7, unagreed)}, Policy{Last: 1}, "2 3",
		},
		"the last that is proven": {
			[]Entry{full(1, 9), full(2, 8, provenOne), full(3, 7), full(4, 6)}, Policy{Last: 1}, "2 4",
		},
		"nothing is good": {
			[]Entry{full(1, 9, unagreed), full(2, 8, unagreed), logs(archive.Timeline0, 1, 2)}, Policy{Last: 1}, "1 2 log 1-2",
		},
		"what can't be opened": {
			[]Entry{full(1, 9, damagedOne), full(2, 8), full(3, 7)}, Policy{Last: 1}, "1 3",
		},
		"of two in a day the good one": {
			[]Entry{full(1, 1), full(2, 1, unagreed), full(3, 0)}, Policy{Daily: 2}, "1 3",
		},
		"logs behind the oldest that stays": {
			[]Entry{full(10, 9), full(20, 8), full(30, 7), logs(archive.Timeline0, 1, 15), logs(archive.Timeline0, 16, 20),
				logs(archive.Timeline0, 21, 30), logs(archive.Timeline0, 25, 40)}, Policy{Last: 2}, "20 30 log 21-30 log 25-40",
		},
		"what the logs behind a gap begin with": {
			[]Entry{full(10, 2), full(30, 0), full(50, 0, unagreed), full(55, 0, unagreed), logs(archive.Timeline0, 11, 40), logs(archive.Timeline0, 51, 60)},
			Policy{Daily: 2}, "10 30 50 log 11-40 log 51-60",
		},
		"what the logs behind a restore begin with": {
			[]Entry{full(10, 2, provenOne), full(30, 1, func(e *Entry) { e.Timeline = later }), full(50, 0, func(e *Entry) { e.Timeline = later }),
				logs(archive.Timeline0, 11, 25), logs(later, 31, 60)},
			Policy{Last: 1}, "10 30 50 log 11-25 log 31-60",
		},
		"logs of other timelines": {
			[]Entry{full(10, 9), full(20, 8), full(30, 7, func(e *Entry) { e.Timeline = later }), logs(archive.Timeline0, 1, 40),
				logs(later, 5, 30), logs(later, 31, 40), logs("0000000000000002", 35, 50)}, Policy{Last: 1}, "30 log 31-40 log 35-50",
		},
	} {
		if got := kept(Plan(c.list, c.policy)); got != c.want {
			t.Errorf("%s: %s are kept, want %s", name, got, c.want)
		}
	}
}

// TestPlanByCluster: each cluster's last good one stays.
func TestPlanByCluster(t *testing.T) {
	a, b := full(1, 9), full(2, 8)
	b.ClusterID = "d"
	if got := kept(Plan([]Entry{a, b}, Policy{Last: 1})); got != "1 2" {
		t.Error(got)
	}
}

func TestRemove(t *testing.T) {
	b := directory(t)
	saved, err := Save(t.Context(), fake(nil, agreed, ""), b, opts())
	must(t, err)
	must(t, Mark(t.Context(), b, saved.Name, saved.Manifest, time.Now()))
	list, err := List(t.Context(), b, "", archive.Keys{})
	must(t, err)
	n, err := Remove(t.Context(), b, []Decision{{Entry: &list[0], Remove: true}})
	if err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if left, err := b.List(t.Context(), ""); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
