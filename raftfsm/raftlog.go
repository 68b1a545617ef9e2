package raftfsm

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

const (
	// fullRetry is how long to wait before a write to a full disk is tried again.
	fullRetry = 100 * time.Millisecond
	// fullPatience is how long the leader of others keeps them waiting for its full disk before it steps down.
	fullPatience = 2 * time.Second
)

// raftLog is the log store as raft sees it. raft steps down, or panics, when a write fails. On a full disk the write
// waits for room instead; after any other failure the state of the disk is unknown, and the process must end.
type raftLog struct {
	*store.LogStore
	fatal *fatal
	alone func() bool // whether no other member could lead instead
	stop  chan struct{}
	full  atomic.Bool
}

var (
	_ raft.LogStore    = (*raftLog)(nil)
	_ raft.StableStore = (*raftLog)(nil)
)

func (l *raftLog) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

func (l *raftLog) StoreLogs(logs []*raft.Log) error {
	patience := time.Duration(0) // without end
	if !l.alone() {
		patience = fullPatience
	}
	return l.write(patience, func() error { return l.LogStore.StoreLogs(logs) })
}

func (l *raftLog) DeleteRange(from, to uint64) error {
	return l.write(fullPatience, func() error { return l.LogStore.DeleteRange(from, to) })
}

// Set and SetUint64 keep the term and the vote: without them raft can't go on.
func (l *raftLog) Set(key, value []byte) error {
	return l.mustWrite(func() error { return l.LogStore.Set(key, value) })
}

func (l *raftLog) SetUint64(key []byte, value uint64) error {
	return l.mustWrite(func() error { return l.LogStore.SetUint64(key, value) })
}

// GetLog reads an entry. raft panics when it can't read what it must apply: a damaged entry ends Run with an error
// instead.
func (l *raftLog) GetLog(index uint64, log *raft.Log) error {
	err := l.LogStore.GetLog(index, log)
	if err != nil && errors.Is(err, store.ErrCorrupt) {
		l.fatal.fail("read the raft log", err)
		l.halt()
	}
	return err
}

// mustWrite is write for what raft panics about.
func (l *raftLog) mustWrite(fn func() error) error {
	err := l.write(0, fn)
	if err != nil {
		l.halt()
	}
	return err
}

// halt stops the calling goroutine of raft for good: Run has ended, or ends, and the process with it.
func (l *raftLog) halt() { select {} }

// write repeats fn while the disk is full, until patience (0: without end) is over or the node stops.
func (l *raftLog) write(patience time.Duration, fn func() error) error {
	start := time.Now()
	for {
		err := fn()
		if err == nil {
			l.full.Store(false)
			return nil
		}
		if !errors.Is(err, store.ErrNoSpace) {
			l.fatal.fail("write the raft log", err)
			return err
		}
		l.full.Store(true)
		if patience > 0 && time.Since(start) > patience {
			return err
		}
		select {
		case <-l.stop:
			return err
		case <-time.After(fullRetry):
		}
	}
}

// verify reads the entries behind the state, which raft is about to read, so that damage is an error and not a panic.
func (l *raftLog) verify(p store.Position) error {
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	var entry raft.Log
	for i := p.Index + 1; i <= last; i++ {
		if err := l.LogStore.GetLog(i, &entry); err != nil {
			return fmt.Errorf("check the raft log before its replay: %w", err)
		}
	}
	return nil
}

// reconcile drops a log that doesn't go with the state: one that ends before it, or whose entry at its index is of
// another term (the state was installed from a leader while the log still held what was never committed). Such a log
// makes installing snapshots an endless loop (raft#697). The state has everything that was committed up to its index.
//
// A log that begins after the state lacks what lies between: that is an error.
func (l *raftLog) reconcile(p store.Position) (dropped bool, err error) {
	first, err := l.FirstIndex()
	if err != nil || first == 0 {
		return false, err
	}
	last, err := l.LastIndex()
	if err != nil {
		return false, err
	}
	switch {
	case first > p.Index+1:
		return false, fmt.Errorf("%w: the raft log begins at entry %d, but the state file ends at %d", store.ErrCorrupt, first, p.Index)
	case first == p.Index+1:
		return false, nil
	case last >= p.Index:
		var entry raft.Log
		if err := l.LogStore.GetLog(p.Index, &entry); err != nil {
			return false, err
		}
		if entry.Term == p.Term {
			return false, l.forgetReplaced(first, &entry)
		}
	}
	return true, l.LogStore.DeleteRange(first, last)
}

// forgetReplaced drops the entries from first on that lead to a restore, at whose entry the state is: the process died between
// the swap of the state and that. Whoever is behind gets the state, not the entry, whose file nobody has any more.
func (l *raftLog) forgetReplaced(first uint64, at *raft.Log) error {
	if first == at.Index || at.Type != raft.LogCommand || !task.Installs(at.Data) {
		return nil
	}
	return l.LogStore.DeleteRange(first, at.Index-1)
}

// follow fits the log to a state that was installed while raft runs. The entries before the state go, lest a gap be left
// between them and those that come, and an entry of another term at its index is overwritten: raft compares it with the
// leader's and would ask for the state again and again (raft#697).
//
// ErrRestart: the conflicting entry is the last one, whose term raft has in memory. reconcile mends it at the start.
func (l *raftLog) follow(p store.Position) error {
	first, err := l.FirstIndex()
	if err != nil || first == 0 {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	if first < p.Index {
		if err := l.DeleteRange(first, min(last, p.Index-1)); err != nil {
			return err
		}
	}
	if first > p.Index || last < p.Index {
		return nil
	}
	var entry raft.Log
	if err := l.LogStore.GetLog(p.Index, &entry); err != nil {
		return err
	}
	if entry.Term == p.Term {
		return nil
	}
	if last == p.Index {
		return fmt.Errorf("%w: the log's last entry, %d, is of term %d and the installed state of term %d", ErrRestart, last, entry.Term, p.Term)
	}
	// What follows conflicts as well: raft replaces it when the leader sends its own.
	return l.StoreLog(&raft.Log{Index: p.Index, Term: p.Term, Type: raft.LogNoop})
}
