package raftfsm

import (
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/logarchive"
)

// TestArchiveWithoutItsBeginning: logs are of no use once the full backup that they begin with has been removed; the archive begins
// anew by itself, and that is counted.
func TestArchiveWithoutItsBeginning(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, func(c *Config) {
		archiving(c)
		s.config(c)
		c.Archive.RecheckEvery = 100 * time.Millisecond
	})
	g.insist(enqueue("q", 10))
	s.archived(g)
	if _, err := s.replay(t, logarchive.Target{}); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.line(t).Fulls {
		if err := s.Remove(t.Context(), f.Name); err != nil {
			t.Fatal(err)
		}
	}
	g.insist(enqueue("q", 10))
	eventually(t, "there is a full backup again", func() bool {
		lines, err := logarchive.List(t.Context(), s.Bucket, "")
		return err == nil && len(lines) == 1 && len(lines[0].Fulls) > 0
	})
	g.insist(enqueue("q", 10))
	s.archived(g)
	if r, err := s.replay(t, logarchive.Target{}); err != nil || r.LiveTasks != 30 {
		t.Errorf("%d tasks: %v", r.LiveTasks, err)
	}
	if n := counted(g.leader().leadership.archiver.metrics.gaps); n < 1 {
		t.Errorf("%v gaps are counted", n)
	}
}
