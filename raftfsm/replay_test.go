package raftfsm

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// moment is the state's hash after an entry.
type moment struct {
	index uint64
	time  task.Time
	hash  uint64
}

// watchStates takes the hash of the leader's state again and again until stop is closed.
func watchStates(g *group, stop <-chan struct{}) (moments []moment) {
	seen := map[uint64]uint64{}
	for {
		select {
		case <-stop:
			return moments
		case <-time.After(5 * time.Millisecond):
		}
		for _, m := range g.running() {
			if !m.leadership.serving() {
				continue
			}
			m.replica.mu.Lock()
			x := moment{index: m.replica.position.Index, time: m.replica.machine.Now(), hash: m.replica.machine.Hash()}
			m.replica.mu.Unlock()
			if known, ok := seen[x.index]; ok && known != x.hash {
				g.t.Errorf("two members have different states after entry %d", x.index)
			} else if !ok {
				seen[x.index] = x.hash
				moments = append(moments, x)
			}
		}
	}
}

// history has a group live a while, with changes of the leader, and archives it; it returns what its states were.
func history(t *testing.T, s *shelf) []moment {
	t.Helper()
	s.fail(errors.New("not yet"))
	g := newGroup(t, 3, func(c *Config) { archiving(c); s.config(c) })
	g.insist(enqueue("q", 1)) // the first full backup has a state to tell
	s.fail(nil)
	s.archived(g)
	stop := make(chan struct{})
	var working, watching sync.WaitGroup
	var moments []moment
	for i := range 3 {
		working.Go(func() { someLoad(g, uint64(i+1), stop) })
	}
	watching.Go(func() { moments = watchStates(g, stop) })
	pass := func(entries uint64) {
		from := g.leader().Applied()
		eventually(t, "the group works", func() bool { return g.leader().Applied() > from+entries })
	}
	pass(200)
	g.handOver()
	pass(200)
	err := g.again("a full backup", func(l *member) error {
		_, err := l.saveFull(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pass(200)
	old := g.leader()
	old.network.Close() // nobody hears of it any more
	eventually(t, "another leader", func() bool { return old.raft.State() != raft.Leader })
	pass(200)
	close(stop)
	working.Wait()
	watching.Wait()
	g.insist(&task.Tick{})
	s.archived(g)
	s.fail(errors.New("no more"))
	for _, m := range g.running() {
		m.close(t)
	}
	slices.SortFunc(moments, func(a, b moment) int { return cmp.Compare(a.index, b.index) })
	return moments
}

// TestReplayIsWhatWas: at whichever moment, the replayed state is the one that the group had, also across changes of the
// leader.
func TestReplayIsWhatWas(t *testing.T) {
	s := newShelf(t)
	moments := history(t, s)
	first := s.line(t).Fulls[0].Index
	moments = slices.DeleteFunc(moments, func(m moment) bool { return m.index < first })
	if len(moments) < 20 {
		t.Fatalf("only %d states are known", len(moments))
	}
	r := rand.New(rand.NewPCG(3, 4))
	verified := false
	for _, i := range r.Perm(len(moments))[:12] {
		m := moments[i]
		got, err := s.replay(t, logarchive.Target{Index: m.index})
		if err != nil {
			t.Fatalf("index %d: %v", m.index, err)
		}
		verified = verified || got.Verified > 0
		if got.Hash != m.hash || got.Position.Index != m.index || got.StateTime.UnixMicro() != m.time {
			t.Errorf("after entry %d the state is %016x of %s, and was %016x", got.Position.Index, got.Hash, got.StateTime, m.hash)
		}
	}
	if !verified {
		t.Error("no hash of the members was compared")
	}
	byTime(t, s, first)
}

// byTime replays to times: of an entry, between two, before the first and behind the last.
func byTime(t *testing.T, s *shelf, first uint64) {
	entries := s.entries(t)
	times := map[uint64]task.Time{} // the state's, by entry
	var now task.Time
	for _, e := range entries {
		if h, err := task.ReadHeader(e.Data); err == nil && e.Type == raft.LogCommand {
			now = max(now, h.Time)
		}
		times[e.Index] = now
	}
	want := func(at task.Time) (index uint64) {
		for _, e := range entries {
			if times[e.Index] <= at {
				index = e.Index
			}
		}
		return index
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 6 {
		e := entries[len(entries)/8+r.IntN(len(entries)/2)]
		for _, at := range []task.Time{times[e.Index], times[e.Index] + 1} {
			got, err := s.replay(t, logarchive.Target{Time: time.UnixMicro(at)})
			if err != nil || got.Position.Index != want(at) {
				t.Errorf("time %d: entry %d, not %d: %v", at, got.Position.Index, want(at), err)
			}
		}
	}
	for _, target := range []logarchive.Target{
		{Time: time.UnixMicro(1)}, {Index: first - 1}, {Time: time.UnixMicro(now + 1)}, {Index: entries[len(entries)-1].Index + 1},
	} {
		if _, err := s.replay(t, target); !errors.Is(err, logarchive.ErrNotCovered) || !bytes.Contains([]byte(err.Error()), []byte("cover")) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// TestReplayRefusesAnotherState: where the replay's state isn't what the members agreed on, it ends.
func TestReplayRefusesAnotherState(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 3, s.config)
	s.archived(g)
	for range 50 {
		g.insist(enqueue("q", 1))
	}
	eventually(t, "a verdict in the archives", func() bool {
		g.insist(enqueue("q", 1))
		s.archived(g)
		r, err := s.replay(t, logarchive.Target{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Verified > 0
	})
	entries := s.entries(t)
	for i, e := range entries { // one task more
		if e.Type == raft.LogCommand && i > 3 {
			entries[i].Data = task.AppendCommand(slices.Clone(e.Data), enqueue("other", 1))
			break
		}
	}
	l := s.line(t)
	if err := os.RemoveAll(filepath.Join(s.String(), l.ClusterID, archive.Log)); err != nil {
		t.Fatal(err)
	}
	putLog(t, s, logarchive.Link{Index: l.Fulls[0].Index}, entries)
	if _, err := s.replay(t, logarchive.Target{}); !errors.Is(err, ErrReplay) {
		t.Errorf("it replays: %v", err)
	}
}

// putLog archives entries behind a link.
func putLog(t *testing.T, s *shelf, base logarchive.Link, entries []logarchive.Entry) {
	t.Helper()
	b, err := logarchive.NewBatch(base, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	object, m, err := b.Seal(archive.Manifest{ClusterID: "test", Timeline: archive.Timeline0, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bucket.Put(t.Context(), m.Name().String(), bytes.NewReader(object)); err != nil {
		t.Fatal(err)
	}
}

// TestReplayIsEqualOrRefused: with flipped bits in the archives a replay gives the same state, from another archive that has
// the same entries, or none.
func TestReplayIsEqualOrRefused(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, s.config)
	for range 60 {
		g.insist(enqueue("q", 3))
	}
	s.archived(g)
	g.leader().close(t)
	want, err := s.replay(t, logarchive.Target{})
	if err != nil {
		t.Fatal(err)
	}
	line := s.line(t)
	names := []string{line.Fulls[0].Name}
	for _, g := range line.Segments {
		names = append(names, g.Name)
	}
	r := rand.New(rand.NewPCG(7, 8))
	refused, rounds := 0, 400
	if testing.Short() {
		rounds = 60
	}
	for i := range rounds {
		path := filepath.Join(s.String(), filepath.FromSlash(names[i%len(names)]))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(data)
		bit := r.IntN(8 * len(bad))
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.replay(t, logarchive.Target{Index: want.Position.Index})
		if err != nil {
			refused++
		} else if got.Hash != want.Hash {
			t.Fatalf("bit %d of %s gives another state", bit, names[i%len(names)])
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if refused < rounds*9/10 {
		t.Errorf("%d of %d are refused", refused, rounds)
	}
}

// TestReplayNeedsAnEmptyDirectory: what is there stays as it is.
func TestReplayNeedsAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Replay(t.Context(), ReplayConfig{Dir: dir, Logger: testLogger(t)}); !errors.Is(err, store.ErrNotEmpty) {
		t.Error(err)
	}
}
