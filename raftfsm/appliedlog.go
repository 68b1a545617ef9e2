package raftfsm

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store/logarchive"
)

// LogEntry is an entry of the group's log as it was executed: raft's own too, which the machine doesn't see.
type LogEntry = logarchive.Entry

// ErrLogGap says that this member's log doesn't have entries any more that were asked for: they were compacted, or came
// with a state that was installed.
var ErrLogGap = errors.New("the log doesn't reach back far enough")

// appliedLog reads the entries that this member has executed back from its log.
//
// Invariant: an entry at or below the index that was executed is the one that was: raft overwrites and deletes only what
// isn't committed, and raftLog.follow and reconcile drop what an installed state has left behind. The one exception is the
// noop that follow writes at an installed state's index, which is known by its lack of a time.
type appliedLog struct {
	log     *raftLog
	applied func() uint64
}

// read hands the entries behind after to take, in their order, until those of bytes have been handed over, or all that
// were executed. It returns the index of the last; after: there is none. What take keeps of the data is its own.
//
// ErrLogGap: the entry behind after, or one that follows, isn't there.
func (a *appliedLog) read(after uint64, bytes int, take func(LogEntry) error) (last uint64, err error) {
	to := a.applied()
	for last = after; last < to && bytes > 0; {
		var l raft.Log
		err := a.log.LogStore.GetLog(last+1, &l)
		if errors.Is(err, raft.ErrLogNotFound) || err == nil && isPlaceholder(&l) {
			return last, fmt.Errorf("%w: entry %d isn't there", ErrLogGap, last+1)
		}
		if err != nil {
			return last, err
		}
		if err := take(LogEntry{Index: l.Index, Term: l.Term, Type: l.Type, Data: l.Data}); err != nil {
			return last, err
		}
		bytes -= len(l.Data)
		last++
	}
	return last, nil
}

// term returns the term of an entry that was executed. ErrLogGap: the log doesn't have it.
func (a *appliedLog) term(index uint64) (uint64, error) {
	var l raft.Log
	err := a.log.LogStore.GetLog(index, &l)
	if errors.Is(err, raft.ErrLogNotFound) || index > a.applied() {
		return 0, fmt.Errorf("%w: entry %d isn't there", ErrLogGap, index)
	}
	return l.Term, err
}

// isPlaceholder reports whether an entry is what raftLog.follow puts in the place of one that it doesn't have. A leader
// gives each entry the time at which it was appended.
func isPlaceholder(l *raft.Log) bool { return l.Type == raft.LogNoop && l.AppendedAt.IsZero() }

// ReadLog hands the entries that this member has executed behind an index to take, in their order, until those of bytes have
// been handed over. It returns the index of the last, which is after where there is none.
//
// ErrLogGap: this member's log doesn't have the entry behind after, or one that follows.
func (n *Node) ReadLog(after uint64, bytes int, take func(LogEntry) error) (last uint64, err error) {
	return n.executed.read(after, bytes, take)
}

// LogTerm returns the term of an entry that this member has executed. ErrLogGap: its log doesn't have the entry.
func (n *Node) LogTerm(index uint64) (uint64, error) { return n.executed.term(index) }
