package logarchive

import (
	"bytes"
	"errors"
	"testing"

	"github.com/rowlock/rowlock/store/archive"
)

// TestBeforeTheBeginning: the first backup of a group that has just begun has no state time. It isn't the state of every moment of
// the past: whoever mistypes the year would get an empty cluster.
func TestBeforeTheBeginning(t *testing.T) {
	s := newShelf(t)
	var object bytes.Buffer
	w, err := archive.Create(&object, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.Close(archive.Manifest{
		Kind: archive.Full, ClusterID: "c", Timeline: archive.Timeline0, Index: 1, Term: 1, StateTime: at(0), Created: at(100), Hash: "0123456789abcdef",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.put(m, object.Bytes())
	s.log(LinkOf(m), 200, 1, "x")
	spans, err := Spans(t.Context(), s, "", archive.Keys{})
	if err != nil || len(spans) != 1 || !spans[0].From.Time.Equal(at(100)) || !spans[0].To.Time.Equal(at(200)) {
		t.Errorf("covers %+v, %v", spans, err)
	}
	for _, second := range []uint64{1, 99} {
		if _, err := MakePlan(t.Context(), s, Request{Target: Target{Time: at(second)}}, archive.Keys{}); !errors.Is(err, ErrNotCovered) {
			t.Errorf("second %d, before the group began: %v", second, err)
		}
	}
	for _, second := range []uint64{100, 150, 200} {
		if p, err := MakePlan(t.Context(), s, Request{Target: Target{Time: at(second)}}, archive.Keys{}); err != nil || p.Full.Index != 1 {
			t.Errorf("second %d: %+v, %v", second, p, err)
		}
	}
}
