package logarchive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// shelf is a bucket with archives of entries whose state time is their index in seconds.
type shelf struct {
	bucket.Bucket
	t *testing.T
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	b, err := bucket.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{Bucket: b, t: t}
}

// at is the state's time after an entry.
func at(index uint64) time.Time { return time.Unix(int64(index), 0).UTC() }

// entry makes one: its data, but for the time, is the text.
func entry(index, term uint64, text string) Entry {
	data := task.AppendHeader(nil, task.Header{Time: at(index).UnixMicro()})
	return Entry{Index: index, Term: term, Type: raft.LogCommand, Data: append(data, text...)}
}

// log archives entries of one term, behind a link, and returns where it ends.
func (s *shelf) log(base Link, last, term uint64, text string) Link {
	s.t.Helper()
	b, err := NewBatch(base, archive.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	for i := base.Index + 1; i <= last; i++ {
		if err := b.Add(entry(i, term, text)); err != nil {
			s.t.Fatal(err)
		}
	}
	object, m, err := b.Seal(archive.Manifest{ClusterID: "c", Timeline: archive.Timeline0, Created: at(last)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(m, object)
	return LinkOf(m)
}

// full archives a full backup.
func (s *shelf) full(cluster, timeline string, index uint64) Link {
	s.t.Helper()
	var object bytes.Buffer
	w, err := archive.Create(&object, archive.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := w.Close(archive.Manifest{
		Kind: archive.Full, ClusterID: cluster, Timeline: timeline, Index: index, Term: 1, StateTime: at(index), Hash: "0123456789abcdef",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(m, object.Bytes())
	return LinkOf(m)
}

func (s *shelf) put(m archive.Manifest, object []byte) {
	s.t.Helper()
	if _, err := s.Put(s.t.Context(), m.Name().String(), bytes.NewReader(object)); err != nil {
		s.t.Fatal(err)
	}
}

// damage flips a bit in the middle of the archive that has the entries.
func (s *shelf) damage(first, last uint64) {
	s.t.Helper()
	n := archive.Name{ClusterID: "c", Kind: archive.Log, Timeline: archive.Timeline0, First: first, Index: last}
	path := filepath.Join(s.String(), filepath.FromSlash(n.String()))
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	b[40] ^= 4
	if err := os.WriteFile(path, b, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// read reads the chain behind a full backup.
func (s *shelf) read(from Link) (indexes []uint64, err error) {
	s.t.Helper()
	lines, err := List(s.t.Context(), s, "")
	if err != nil || len(lines) != 1 {
		s.t.Fatalf("%d timelines: %v", len(lines), err)
	}
	c := NewChain(s, lines[0].Segments, from, archive.Keys{})
	for {
		entries, _, err := c.Next(s.t.Context())
		if errors.Is(err, io.EOF) {
			return indexes, nil
		}
		if err != nil {
			return indexes, err
		}
		for _, e := range entries {
			indexes = append(indexes, e.Index)
		}
	}
}

// to are the numbers from one to another.
func to(from, last uint64) (list []uint64) {
	for i := from; i <= last; i++ {
		list = append(list, i)
	}
	return list
}

func TestChain(t *testing.T) {
	tests := []struct {
		name string
		make func(s *shelf, base Link)
		want []uint64
		err  error
	}{
		{"nothing follows", func(*shelf, Link) {}, nil, nil},
		{"one behind the other", func(s *shelf, b Link) { s.log(s.log(s.log(b, 20, 1, "x"), 30, 2, "x"), 31, 2, "x") }, to(11, 31), nil},
		{"from before the full backup", func(s *shelf, b Link) { s.log(s.log(Link{Index: 5, Term: 1}, 15, 1, "x"), 20, 1, "x") }, to(11, 20), nil},
		{"overlaps that are the same", func(s *shelf, b Link) {
			one := s.log(b, 20, 1, "x")
			s.log(one, 25, 1, "x")
			s.log(Link{Index: 15, Term: 1}, 30, 1, "x")
			s.log(Link{Index: 22, Term: 1}, 24, 1, "x")
		}, to(11, 30), nil},
		{"overlaps of another text", func(s *shelf, b Link) {
			s.log(b, 20, 1, "x")
			s.log(Link{Index: 15, Term: 1}, 30, 1, "y")
		}, to(11, 20), ErrDiverged},
		{"overlaps of another term", func(s *shelf, b Link) {
			s.log(b, 20, 1, "x")
			s.log(Link{Index: 15, Term: 1}, 30, 2, "x")
		}, to(11, 20), ErrDiverged},
		{"a gap", func(s *shelf, b Link) {
			s.log(b, 20, 1, "x")
			s.log(Link{Index: 22, Term: 1}, 30, 1, "x")
		}, to(11, 20), ErrGap},
		{"another history behind the full backup", func(s *shelf, b Link) { s.log(Link{Index: 10, Term: 3}, 20, 3, "x") }, nil, ErrDiverged},
		{"an archive behind one that is another now", func(s *shelf, b Link) {
			one := s.log(b, 20, 1, "x")
			s.log(one, 30, 1, "x")
			s.log(b, 20, 1, "y")
		}, to(11, 20), ErrDiverged},
		{"a damaged one that others replace", func(s *shelf, b Link) {
			one := s.log(b, 20, 1, "x")
			s.log(one, 30, 1, "x")
			s.log(one, 25, 1, "x")
			s.log(Link{Index: 25, Term: 1}, 33, 1, "x")
			s.damage(21, 30)
		}, to(11, 33), nil},
		{"a damaged one", func(s *shelf, b Link) {
			s.log(s.log(b, 20, 1, "x"), 30, 1, "x")
			s.damage(21, 30)
		}, to(11, 20), archive.ErrDamaged},
		{"a term that falls", func(s *shelf, b Link) {
			s.log(s.log(b, 20, 4, "x"), 30, 4, "x")
			s.log(Link{Index: 30, Term: 2}, 40, 2, "x")
		}, to(11, 30), ErrDiverged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShelf(t)
			base := s.full("c", archive.Timeline0, 10)
			tt.make(s, base)
			got, err := s.read(base)
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("read %v: %v", got, err)
			}
		})
	}
}

// TestBatchTakesOnlyWhatFollows: nothing else gets into an archive.
func TestBatchTakesOnlyWhatFollows(t *testing.T) {
	for _, bad := range []Entry{entry(12, 1, ""), entry(10, 1, ""), entry(11, 0, "")} {
		b, err := NewBatch(Link{Index: 10, Term: 1}, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(bad); err == nil {
			t.Errorf("entry %d of term %d is taken behind entry 10 of term 1", bad.Index, bad.Term)
		}
	}
}

// TestSameEntriesMakeTheSame: the body is a function of the entries.
func TestSameEntriesMakeTheSame(t *testing.T) {
	s := newShelf(t)
	a := s.log(Link{Index: 10, Term: 1, SHA256: strings.Repeat("0", 64)}, 20, 1, "x")
	b := s.log(Link{Index: 10, Term: 1}, 20, 1, "x")
	if a != b || a.SHA256 == "" || a.StateTime != at(20).UnixMicro() {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestSpansAndPlans(t *testing.T) {
	s := newShelf(t)
	one := s.log(s.full("c", archive.Timeline0, 10), 20, 1, "x")
	s.full("c", archive.Timeline0, 15)
	s.log(one, 30, 1, "x")
	s.log(s.full("c", archive.Timeline0, 40), 50, 1, "x")
	s.full("c", TimelineName(7), 45)
	spans, err := Spans(t.Context(), s, "", archive.Keys{})
	if err != nil || len(spans) != 3 {
		t.Fatalf("%+v: %v", spans, err)
	}
	want := []Span{
		{ClusterID: "c", Timeline: archive.Timeline0, From: Point{10, at(10)}, To: Point{30, at(30)}, Fulls: 2, Logs: 2},
		{ClusterID: "c", Timeline: archive.Timeline0, From: Point{40, at(40)}, To: Point{50, at(50)}, Fulls: 1, Logs: 1, Missing: 10},
		{ClusterID: "c", Timeline: TimelineName(7), From: Point{45, at(45)}, To: Point{45, at(45)}, Fulls: 1},
	}
	for i := range spans {
		spans[i].Bytes = 0
		if spans[i] != want[i] {
			t.Errorf("span %d is %+v, not %+v", i, spans[i], want[i])
		}
	}
	tests := []struct {
		request Request
		full    uint64 // 0: ErrNotCovered
		say     string
	}{
		{Request{Target: Target{Index: 12}}, 10, ""},
		{Request{Target: Target{Index: 15}}, 15, ""},
		{Request{Target: Target{Time: at(14)}}, 10, ""},
		{Request{Target: Target{Time: at(30)}}, 15, ""},
		{Request{Target: Target{Time: at(30).Add(time.Microsecond)}}, 0, "1970-01-01T00:00:40Z (index 40)"},
		{Request{Target: Target{Index: 35}}, 0, "index 30"},
		{Request{Target: Target{Index: 9}}, 0, "before the first full backup"},
		{Request{Target: Target{Time: at(9)}}, 0, "before the first full backup"},
		{Request{Target: Target{Time: at(44)}}, 40, ""},
		{Request{Target: Target{Index: 46}}, 0, "don't reach index 46"},
		{Request{Target: Target{Index: 46}, Timeline: archive.Timeline0}, 40, ""},
		{Request{}, 45, ""},
		{Request{Timeline: TimelineName(9)}, 0, "no full backup of timeline"},
		{Request{ClusterID: "d"}, 0, "no full backup at"},
	}
	for _, tt := range tests {
		p, err := MakePlan(t.Context(), s, tt.request, archive.Keys{})
		if tt.full != 0 && (err != nil || p.Full.Index != tt.full) {
			t.Errorf("%+v begins at %d: %v", tt.request, p.Full.Index, err)
		}
		if tt.full == 0 && (!errors.Is(err, ErrNotCovered) || !strings.Contains(err.Error(), tt.say)) {
			t.Errorf("%+v: %v", tt.request, err)
		}
	}
	s.full("d", archive.Timeline0, 1)
	if _, err := MakePlan(t.Context(), s, Request{}, archive.Keys{}); err == nil || !strings.Contains(err.Error(), "c, d") {
		t.Errorf("two clusters: %v", err)
	}
}

// TestChainFollowsWhatIsWrittenAgain: an archive that is part of another by now is read there.
func TestChainFollowsWhatIsWrittenAgain(t *testing.T) {
	s := newShelf(t)
	base := s.full("c", archive.Timeline0, 10)
	s.log(s.log(base, 20, 1, "x"), 25, 1, "x")
	lines, err := List(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	c := NewChain(s, lines[0].Segments, base, archive.Keys{})
	if _, _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.log(Link{Index: 20, Term: 1}, 30, 1, "x")
	if err := s.Remove(t.Context(), lines[0].Segments[1].Name); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := c.Next(t.Context()); err != nil || len(entries) != 10 || entries[9].Index != 30 {
		t.Errorf("%d entries: %v", len(entries), err)
	}
	if err := s.Remove(t.Context(), archive.Name{ClusterID: "c", Kind: archive.Log, Timeline: archive.Timeline0, First: 11, Index: 20}.String()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := NewChain(s, lines[0].Segments, base, archive.Keys{}).Next(t.Context()); !errors.Is(err, ErrGap) {
		t.Errorf("an archive that is gone for good: %v", err)
	}
}
