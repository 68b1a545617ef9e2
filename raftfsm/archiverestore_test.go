package raftfsm

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// replayLine makes the newest state of a timeline.
func (s *shelf) replayLine(t *testing.T, timeline string) Replayed {
	t.Helper()
	plan, err := logarchive.MakePlan(t.Context(), s.Bucket, logarchive.Request{Timeline: timeline}, archive.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Replay(t.Context(), ReplayConfig{Plan: plan, Bucket: s.Bucket, Dir: filepath.Join(t.TempDir(), "replay"), Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestArchiveAcrossRestore: what a restore replaces is archived up to the last entry before, the suspended group archives
// nothing, and a resumed one begins its timeline anew.
func TestArchiveAcrossRestore(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 3, func(c *Config) {
		s.config(c)
		c.Archive.Every, c.Archive.NoteEvery = time.Hour, time.Hour // nothing is archived by itself
	})
	eventually(t, "a full backup", func() bool {
		a, _ := g.leader().Archive()
		return a.Active && a.Index > 0
	})
	g.insist(enqueue("q", 50))
	b := save(t, g.leader())
	g.insist(enqueue("q", 30))
	g.restore(b, OnlineRestore{Hash: &b.hash, Why: "a test"})
	g.awaitTimeline(1)
	for range 3 {
		g.insist(enqueue("q", 10))
	}
	if r := s.replayLine(t, archive.Timeline0); r.LiveTasks != 80 {
		t.Errorf("of the timeline before %d tasks are archived", r.LiveTasks)
	}
	if l := s.line(t); l.Timeline != archive.Timeline0 {
		t.Errorf("the suspended group archives timeline %s", l.Timeline)
	}
	g.insist(&task.ResumeCluster{})
	eventually(t, "the new timeline begins", func() bool {
		lines, err := logarchive.List(t.Context(), s.Bucket, "")
		return err == nil && len(lines) == 2 && len(lines[1].Fulls) == 1
	})
	if r := s.replayLine(t, logarchive.TimelineName(1)); r.LiveTasks != 80 {
		t.Errorf("of the new timeline %d tasks are archived", r.LiveTasks)
	}
}
