package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
)

// TestRestoreSaysEndOfTimeline: a time behind the last entry of a timeline, which a later one follows, is said to be its end.
func TestRestoreSaysEndOfTimeline(t *testing.T) {
	const cluster = "c"
	first, second := logarchive.TimelineName(0), logarchive.TimelineName(1)
	b, err := bucket.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []archive.Name{
		{ClusterID: cluster, Kind: archive.Full, Timeline: first, Index: 5}, {ClusterID: cluster, Kind: archive.Full, Timeline: second, Index: 40},
	} {
		if _, err := b.Put(t.Context(), n.String(), strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	last := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		timeline string
		at       time.Time // that was asked for
		reached  uint64
		want     string
	}{
		"behind the end":            {first, last.Add(time.Second), 20, first},
		"at the last entry":         {first, last, 20, ""},
		"before the end":            {first, last.Add(time.Second), 19, ""},
		"the end of the newest one": {second, last.Add(time.Second), 20, ""},
		"no time":                   {first, time.Time{}, 20, ""},
	} {
		s := &stagedState{}
		plan := logarchive.Plan{
			Full:   logarchive.Full{ClusterID: cluster, Timeline: c.timeline},
			Target: logarchive.Target{Time: c.at}, Covers: logarchive.Span{To: logarchive.Point{Index: 20}},
		}
		made := raftfsm.Replayed{Position: store.Position{Index: c.reached}, StateTime: last}
		if err := s.noteEnd(t.Context(), b, plan, made); err != nil {
			t.Fatal(err)
		}
		if s.endOf != c.want {
			t.Errorf("%s: the end of %q, want %q", name, s.endOf, c.want)
		}
		if text := s.summary(store.Restored{}).text("a backup", last); strings.Contains(text, "the end of timeline "+first) != (c.want != "") {
			t.Errorf("%s: it says %q", name, text)
		}
	}
}
