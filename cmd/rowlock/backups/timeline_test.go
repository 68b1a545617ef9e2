package backups

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// shelf is a destination with the archives of a group that doesn't work any more.
type shelf struct {
	bucket.Bucket
	t *testing.T
}

func (s *shelf) line() *logarchive.Line {
	s.t.Helper()
	lines, err := logarchive.List(s.t.Context(), s, "")
	must(s.t, err)
	if len(lines) != 1 {
		s.t.Fatalf("%d timelines", len(lines))
	}
	return &lines[0]
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not within 30 s: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// reach waits until the log is archived up to an entry.
func (s *shelf) reach(index uint64) {
	s.t.Helper()
	eventually(s.t, "the log is archived", func() bool {
		lines, err := logarchive.List(s.t.Context(), s, "")
		must(s.t, err)
		if len(lines) == 0 || len(lines[0].Fulls) == 0 {
			return false
		}
		last, _ := lines[0].Reach(lines[0].Fulls[0].Index)
		return last >= index
	})
}

// newShelf has a group work, archive, and be backed up in the middle: a full backup, the log, another full backup, the log.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{Bucket: directory(t), t: t}
	n, stop := startArchiving(t, &raftfsm.ArchiveConfig{Bucket: s, Every: 100 * time.Millisecond})
	enqueue(t, n, "mail", 3)
	s.reach(n.Applied())
	for range 5 {
		enqueue(t, n, "mail", 4)
	}
	_, err := Save(t.Context(), source(n), s, opts())
	must(t, err)
	for range 5 {
		enqueue(t, n, "mail", 4)
	}
	r, err := n.Propose(t.Context(), &task.Cancel{IDs: []task.ID{enqueue(t, n, "mail", 1)}})
	must(t, err)
	must(t, r.Code.Err())
	s.reach(n.Applied())
	stop()
	return s
}

// rewrite archives the log behind the first full backup anew, with one archive for each run of entries that edit returns.
func (s *shelf) rewrite(edit func(entries []logarchive.Entry) [][]logarchive.Entry) {
	s.t.Helper()
	line := s.line()
	m, err := logarchive.ReadManifest(s.t.Context(), s, line.Fulls[0].Name, archive.Keys{})
	must(s.t, err)
	chain := logarchive.NewChain(s, line.Segments, logarchive.LinkOf(m), archive.Keys{})
	var entries []logarchive.Entry
	for last, _ := line.Reach(m.Index); chain.End().Index < last; {
		some, _, err := chain.Next(s.t.Context())
		must(s.t, err)
		entries = append(entries, some...)
	}
	for _, g := range line.Segments {
		must(s.t, s.Remove(s.t.Context(), g.Name))
	}
	for _, run := range edit(entries) {
		b, err := logarchive.NewBatch(logarchive.Link{Index: run[0].Index - 1}, archive.Options{})
		must(s.t, err)
		for _, e := range run {
			must(s.t, b.Add(e))
		}
		object, about, err := b.Seal(archive.Manifest{ClusterID: m.ClusterID, Timeline: m.Timeline, Created: time.Now()})
		must(s.t, err)
		_, err = s.Put(s.t.Context(), about.Name().String(), bytes.NewReader(object))
		must(s.t, err)
	}
}

// proof is what VerifyLog finds, which leaves nothing behind.
func (s *shelf) proof(from string) *Timeline {
	s.t.Helper()
	dir := s.t.TempDir()
	p, err := VerifyLog(s.t.Context(), s, LogOptions{From: from, Dir: dir})
	must(s.t, err)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		s.t.Errorf("left behind: %v %v", left, err)
	}
	return p
}

func TestVerifyLog(t *testing.T) {
	s := newShelf(t)
	line := s.line()
	first, second := line.Fulls[0], line.Fulls[1]
	last, _ := line.Reach(first.Index)
	p := s.proof("")
	if p.Err() != nil || len(p.Replays) != 1 {
		t.Fatalf("%+v: %v", p, p.Err())
	}
	r := p.Replays[0]
	if r.Full.Name != first.Name || r.From.Index != first.Index || r.To.Index != last || r.Entries != last-first.Index || r.Fulls != 1 || r.LiveTasks != 43 || r.Hash == "" {
		t.Errorf("%+v of entries %d to %d", r, first.Index, last)
	}
	if end, ok := p.End(); !ok || end != r.To || !end.Time.After(r.From.Time) {
		t.Errorf("it ends at %+v", end)
	}
	if p = s.proof(second.Name); p.Err() != nil || p.Replays[0].From.Index != second.Index || p.Replays[0].To.Index != last {
		t.Errorf("from the second full backup: %+v: %v", p, p.Err())
	}
	if _, err := VerifyLog(t.Context(), s, LogOptions{From: "no/full/such"}); !errors.Is(err, ErrNone) {
		t.Errorf("from none: %v", err)
	}
	for _, g := range line.Segments {
		v, err := logarchive.Verify(t.Context(), s, g.Name, archive.Keys{})
		if err != nil || v.Manifest.Index != g.Last || g.First == first.Index+1 && v.Before != first.Name {
			t.Errorf("%s: %+v %v", g.Name, v, err)
		}
	}
}

// TestVerifyLogFindsWhatIsWrong spoils the archives: each time it is said up to where a restore is possible, and why not further.
func TestVerifyLogFindsWhatIsWrong(t *testing.T) {
	split := func(entries []logarchive.Entry, at uint64) (before, behind []logarchive.Entry) {
		n := at - entries[0].Index + 1
		return entries[:n], entries[n:]
	}
	tests := map[string]struct {
		spoil func(s *shelf, second uint64)
		// ends is where each replay ends, behind the second full backup or, below 0, before it. The last is the end of the log.
		ends []int64
		err  error
	}{
		"a gap before the second full backup": {func(s *shelf, second uint64) {
			s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
				one, two := split(all, second-1)
				return [][]logarchive.Entry{one[:len(one)-1], two}
			})
		}, []int64{-2, 0}, logarchive.ErrGap},
		"a gap behind it": {func(s *shelf, second uint64) {
			s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
				one, two := split(all, second+1)
				return [][]logarchive.Entry{one, two[1:]}
			})
		}, []int64{1}, logarchive.ErrGap},
		"an archive that is damaged": {func(s *shelf, second uint64) {
			s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
				one, two := split(all, second-1)
				two, three := split(two, second)
				return [][]logarchive.Entry{one, two, three}
			})
			flip(s, s.line().Segments[1].Name)
		}, []int64{-1, 0}, archive.ErrDamaged},
		"a full backup that is damaged": {func(s *shelf, _ uint64) { flip(s, s.line().Fulls[0].Name) }, []int64{-1 << 32, 0}, archive.ErrDamaged},
		"an entry that isn't one": {func(s *shelf, second uint64) {
			s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
				_, behind := split(all, second)
				behind[0].Data = append(bytes.Clone(behind[0].Data), 0xff)
				return [][]logarchive.Entry{all}
			})
		}, []int64{0}, raftfsm.ErrReplay},
		"another history before the second full backup": {func(s *shelf, second uint64) {
			s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
				for i := range all {
					if h, err := task.ReadHeader(all[i].Data); err == nil && all[i].Index <= second {
						all[i].Data = task.AppendCommand(task.AppendHeader(nil, h), &task.Enqueue{Tasks: []task.NewTask{{Queue: "other"}}})
						break
					}
				}
				return [][]logarchive.Entry{all}
			})
		}, []int64{-1, 0}, raftfsm.ErrReplay},
	}
	whole := newShelf(t)
	line := whole.line()
	second := line.Fulls[1].Index
	last, _ := line.Reach(second)
	for name, c := range tests {
		s := &shelf{Bucket: directory(t), t: t}
		must(t, os.CopyFS(s.String(), os.DirFS(whole.String())))
		c.spoil(s, second)
		p := s.proof("")
		if err := p.Err(); !errors.Is(err, ErrUnsound) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if len(p.Replays) != len(c.ends) {
			t.Errorf("%s: %d replays: %+v", name, len(p.Replays), p.Replays)
			continue
		}
		for i, r := range p.Replays {
			want := uint64(max(0, int64(second)+c.ends[i]))
			if i > 0 {
				want = last
			}
			if r.To.Index != want {
				t.Errorf("%s: replay %d reaches entry %d, not %d; the second full backup is at %d: %v", name, i, r.To.Index, want, second, r.Problem)
			}
		}
	}
}

// flip changes a bit in the middle of an object.
func flip(s *shelf, name string) {
	s.t.Helper()
	path := filepath.Join(s.String(), filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	must(s.t, err)
	b[len(b)/4] ^= 4
	must(s.t, os.WriteFile(path, b, 0o600))
}

// TestVerifyLogArchive reads one archive of the log.
func TestVerifyLogArchive(t *testing.T) {
	s := newShelf(t)
	s.rewrite(func(all []logarchive.Entry) [][]logarchive.Entry {
		all[len(all)-1].Data = []byte("no entry")
		return [][]logarchive.Entry{all[:2], all[2:4], all[4:]}
	})
	segments := s.line().Segments
	verify := func(i int) error {
		_, err := logarchive.Verify(t.Context(), s, segments[i].Name, archive.Keys{})
		return err
	}
	must(t, verify(0))
	if err := verify(2); !errors.Is(err, logarchive.ErrCorrupt) {
		t.Errorf("with an entry that can't be decoded: %v", err)
	}
	flip(s, segments[1].Name)
	if err := verify(1); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("with a flipped bit: %v", err)
	}
}
