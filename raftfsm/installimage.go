package raftfsm

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// installImage executes a restore: the state file that the entry names takes the place of the state, at the entry's position.
//
// Invariant: a process that dies in it executes the entry again, or has the new state. Up to the swap of the file the old state
// and the log are as they were; afterwards the file is at the entry's position.
func (f *fsm) installImage(l *raft.Log, c task.InstallImage) error {
	path, err := f.store.KeptImage(c.SHA256)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoImage, err)
	}
	start := time.Now()
	p := f.replica.at()
	p.Index, p.Term = l.Index, l.Term
	if err := store.MoveImage(path, p); err != nil {
		return err
	}
	// From here on nothing is taken that the old state led to, until this member has begun anew to lead.
	f.proposer.enter(c.Timeline)
	if err := f.checkpoints.abandon(func() error { return f.install(&image{path: path, position: p, began: start}) }); err != nil {
		return err
	}
	f.metrics.restores.Inc()
	f.logger.Warn("restored: the cluster is suspended until 'rowlock cluster resume'", "timeline", c.Timeline, "index", l.Index, "after", time.Since(start))
	f.leadership.rebuild()
	if err := f.store.DropImages(); err != nil {
		f.logger.Warn("what is left of a restore couldn't be removed", "error", err)
	}
	return nil
}

// rebuild has this member, if it leads, begin anew what only a leader has: the state isn't the one that it was built from. It
// is called by the goroutine that executes entries.
func (l *leadership) rebuild() {
	l.replaced()
	if !l.serves.Swap(false) {
		return // nothing has been built yet, or it is being taken down
	}
	l.notify <- false
	l.notify <- true
}
