package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// shelf is a bucket in a directory, with faults.
type shelf struct {
	bucket.Bucket
	mu     sync.Mutex // guards the rest
	refuse error      // what Put returns
	hang   chan struct{}
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	b, err := bucket.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{Bucket: b}
}

// fail has Put fail from now on; nil: it works.
func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

// stall has Put hang, whatever its context says, until the channel is closed.
func (s *shelf) stall(until chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = until
}

func (s *shelf) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	s.mu.Lock()
	refuse, hang := s.refuse, s.hang
	s.mu.Unlock()
	if refuse != nil {
		return 0, refuse
	}
	if hang != nil {
		<-hang
	}
	return s.Bucket.Put(ctx, name, r)
}

// config archives to the shelf, often.
func (s *shelf) config(c *Config) {
	c.Archive = &ArchiveConfig{
		Bucket: s, Every: 100 * time.Millisecond, NoteEvery: 200 * time.Millisecond, Timeout: 2 * time.Second,
	}
	c.ChecksumInterval = 200 * time.Millisecond
}

// archived waits until all that has been executed now is archived.
func (s *shelf) archived(g *group) {
	g.t.Helper()
	at, _ := stateOf(g.leader().Node)
	eventually(g.t, "all is archived", func() bool {
		a, ok := g.leader().Archive()
		return ok && a.Active && a.Index >= at
	})
}

// line is the only timeline at the shelf.
func (s *shelf) line(t testing.TB) logarchive.Line {
	t.Helper()
	lines, err := logarchive.List(t.Context(), s.Bucket, "")
	if err != nil || len(lines) != 1 {
		t.Fatalf("%d timelines: %v", len(lines), err)
	}
	return lines[0]
}

// entries reads all that the shelf has of the log.
func (s *shelf) entries(t testing.TB) (entries []logarchive.Entry) {
	t.Helper()
	l := s.line(t)
	chain := logarchive.NewChain(s.Bucket, l.Segments, logarchive.Link{Index: l.Fulls[0].Index}, archive.Keys{})
	for {
		next, _, err := chain.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, next...)
	}
}

// replay makes the state at a target.
func (s *shelf) replay(t testing.TB, target logarchive.Target) (Replayed, error) {
	t.Helper()
	plan, err := logarchive.MakePlan(t.Context(), s.Bucket, logarchive.Request{Target: target}, archive.Keys{})
	if err != nil {
		return Replayed{}, err
	}
	return Replay(t.Context(), ReplayConfig{Plan: plan, Bucket: s.Bucket, Dir: filepath.Join(t.TempDir(), "replay"), Logger: testLogger(t), Bytes: 64 << 10})
}

// TestArchiveFollows: what is executed is archived shortly after; the members are told, and what is archived isn't kept.
func TestArchiveFollows(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 3, func(c *Config) { archiving(c); s.config(c) })
	for range 20 {
		g.insist(enqueue("q", 10))
	}
	s.archived(g)
	eventually(t, "all members know", func() bool {
		for _, m := range g.running() {
			if a, ok := m.Archive(); !ok || a.Index < 20 {
				return false
			}
		}
		return true
	})
	r, err := s.replay(t, logarchive.Target{})
	if err != nil || r.LiveTasks != 200 {
		t.Errorf("%d tasks: %v", r.LiveTasks, err)
	}
	if l := s.line(t); len(l.Fulls) != 1 || len(l.Segments) > 3 {
		t.Errorf("%d full backups and %d small archives", len(l.Fulls), len(l.Segments))
	}
}

// TestArchiveGoesOn: while the destination fails, or hangs, tasks go on; nothing is lost, and a change of the leader
// doesn't wait.
func TestArchiveGoesOn(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 3, func(c *Config) { archiving(c); s.config(c); c.Archive.Timeout = 200 * time.Millisecond })
	s.archived(g)
	failing := func() bool {
		a, _ := g.leader().Archive()
		return a.Problem != "" && a.Lag > 0
	}
	s.fail(errors.New("the bucket is on fire"))
	for range 300 {
		g.insist(enqueue("q", 2))
	}
	eventually(t, "the failure shows", failing)
	s.fail(nil)
	s.archived(g)
	release := make(chan struct{})
	s.stall(release)
	g.insist(enqueue("q", 1))
	eventually(t, "the hanging shows", failing)
	g.handOver()
	for range 300 {
		g.insist(enqueue("q", 2))
	}
	s.stall(nil)
	close(release)
	s.archived(g)
	g.converge()
	s.archived(g)
	if l := s.line(t); len(l.Fulls) != 1 {
		t.Errorf("%d full backups, though the log was kept", len(l.Fulls))
	}
	r, err := s.replay(t, logarchive.Target{})
	if err != nil || r.LiveTasks != 1201 {
		t.Errorf("%d tasks: %v", r.LiveTasks, err)
	}
}

// TestArchiveGap: beyond the bound the log isn't kept; a full backup begins the archive anew, and the gap is told.
func TestArchiveGap(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, func(c *Config) { archiving(c); s.config(c); c.Raft.ArchiveBytes = 64 << 10 })
	g.insist(enqueue("q", 1))
	s.archived(g)
	n := g.leader().Node
	end, _ := n.Archive()
	s.fail(errors.New("the bucket is on fire"))
	eventually(t, "the log moves on", func() bool {
		fill(t, n, 50)
		return firstIndex(t, n) > end.Index+1
	})
	s.fail(nil)
	fill(t, n, 10)
	s.archived(g)
	if l := s.line(t); len(l.Fulls) != 2 || counted(n.leadership.archiver.metrics.gaps) != 1 {
		t.Errorf("%d full backups, %v gaps", len(l.Fulls), counted(n.leadership.archiver.metrics.gaps))
	}
	spans, err := logarchive.Spans(t.Context(), s.Bucket, "", archive.Keys{})
	if err != nil || len(spans) != 2 || spans[1].Missing == 0 {
		t.Fatalf("%+v: %v", spans, err)
	}
	if _, err := s.replay(t, logarchive.Target{Index: spans[0].To.Index + 1}); !errors.Is(err, logarchive.ErrNotCovered) {
		t.Errorf("a target in the gap: %v", err)
	}
	if _, err := s.replay(t, logarchive.Target{}); err != nil {
		t.Error(err)
	}
}

// TestArchiveOfAnother: a destination that has another history under the same ID isn't written to.
func TestArchiveOfAnother(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, s.config)
	for range 50 {
		g.insist(enqueue("q", 1))
	}
	s.archived(g)
	before := s.line(t)
	h := newGroup(t, 1, s.config) // of the same ID, as a copy of a data directory would be
	eventually(t, "it is refused", func() bool {
		a, _ := h.leader().Archive()
		return a.Problem != ""
	})
	if after := s.line(t); len(after.Fulls) != len(before.Fulls) {
		t.Error("a full backup of another history was added")
	}
}

// someLoad works on a group until stop is closed: it enqueues, leases, finishes, cancels and changes queues.
func someLoad(g *group, seed uint64, stop <-chan struct{}) {
	r := rand.New(rand.NewPCG(seed, seed))
	for {
		select {
		case <-stop:
			return
		default:
		}
		ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
		for _, m := range g.running() {
			if m.leadership.serving() {
				workOnce(ctx, m.Node, r)
			}
		}
		cancel()
	}
}

// workOnce takes a worker's whole life. What fails is left.
func workOnce(ctx context.Context, n *Node, r *rand.Rand) {
	queue := fmt.Sprintf("q%d", r.IntN(3))
	opened, err := n.Propose(ctx, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: queue, Weight: 1}}})
	if err != nil || len(opened.Items) == 0 {
		return
	}
	session := uint64(opened.Items[0].ID)
	for range 5 {
		made, err := n.Propose(ctx, enqueue(queue, 1+r.IntN(8)))
		if err != nil || len(made.Items) == 0 {
			return
		}
		leased, err := n.Propose(ctx, &task.Lease{Session: session, Max: uint32(1 + r.IntN(6))})
		if err != nil {
			return
		}
		f := &task.Finish{}
		for i, l := range leased.Leased {
			o := task.Outcome{ID: l.ID, Token: l.Token, Data: []byte("done")}
			if i%3 == 1 {
				o.Kind, o.Delay = task.OutcomeFail, task.Duration(r.IntN(1000))
			}
			f.Outcomes = append(f.Outcomes, o)
		}
		_, _ = n.Propose(ctx, f)
		_, _ = n.Propose(ctx, &task.Cancel{IDs: []task.ID{made.Items[0].ID}})
		_, _ = n.Propose(ctx, &task.SetQueueMode{Queue: queue, Mode: task.QueueMode(r.IntN(2))})
	}
	_, _ = n.Propose(ctx, &task.CloseSession{Session: session})
}

// TestArchiveBehindDamage: where the last archive is damaged, another full backup begins the archive anew.
func TestArchiveBehindDamage(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, s.config)
	s.archived(g) // the first full backup lies there: what follows goes into an archive of the log
	g.insist(enqueue("q", 1))
	s.archived(g)
	g.leader().close(t)
	l := s.line(t)
	if _, err := s.Bucket.Put(t.Context(), l.Segments[len(l.Segments)-1].Name, strings.NewReader("rowlock archive 1\nno more")); err != nil {
		t.Fatal(err)
	}
	g.restart(0)
	g.insist(enqueue("q", 1))
	s.archived(g)
	if l := s.line(t); len(l.Fulls) != 2 {
		t.Errorf("%d full backups", len(l.Fulls))
	}
	if r, err := s.replay(t, logarchive.Target{}); err != nil || r.LiveTasks != 2 {
		t.Errorf("%d tasks: %v", r.LiveTasks, err)
	}
}
