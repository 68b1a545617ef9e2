package raftfsm

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// crashArchive names the directory to which the child process archives its log.
const crashArchive = "ROWLOCK_TEST_CRASH_ARCHIVE"

// archiveUntilKilled has the child process archive its log, if it is to.
func archiveUntilKilled(c *Config) error {
	to := os.Getenv(crashArchive)
	if to == "" {
		return nil
	}
	b, err := bucket.Open(context.Background(), to)
	if err != nil {
		return err
	}
	(&shelf{Bucket: b}).config(c)
	return nil
}

// TestArchiverKilled kills a process that archives at random moments: the chain stays whole, and its end is always the state
// that the group has.
func TestArchiverKilled(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	t.Setenv(crashArchive, to)
	b, err := bucket.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{Bucket: b}
	acked := map[task.ID]bool{}
	rounds := 12
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		killRound(t, dir, time.Duration(30+rand.IntN(600))*time.Millisecond, acked)
		c := testConfig(t, dir)
		s.config(&c)
		m := startReady(t, c)
		verifyAcked(t, m.Node, acked)
		archived := func(index uint64) func() bool {
			return func() bool {
				a, _ := m.Archive()
				return a.Active && a.Index >= index
			}
		}
		eventually(t, "there is a full backup", archived(1)) // one that was killed early has left none
		index, hash := stateOf(m.Node)
		eventually(t, "all is archived", archived(index))
		m.close(t)
		r, err := s.replay(t, logarchive.Target{Index: index})
		if err != nil || r.Hash != hash {
			t.Fatalf("round %d: after entry %d the replayed state is %016x, the group's %016x: %v", round, index, r.Hash, hash, err)
		}
	}
	line := s.line(t)
	if len(line.Fulls) != 1 {
		t.Errorf("%d full backups: there were gaps", len(line.Fulls))
	}
	for _, e := range s.entries(t) {
		if h, err := task.ReadHeader(e.Data); err == nil && h.Time == 0 {
			t.Errorf("entry %d has no time", e.Index)
		}
	}
}
