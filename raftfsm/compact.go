package raftfsm

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rowlock/rowlock/store"
)

const (
	// minTrailing entries stay behind the state, whatever their bytes, for members that are almost up to date.
	minTrailing = 64
	// compactStep is how many entries one transaction deletes: few, as the log can't be written meanwhile.
	compactStep = 256
	// compactWorth is how many entries must be there to delete.
	compactWorth = 64
	// pinLinger is how long the entries behind a snapshot are kept after it was sent, for the member that loads it.
	pinLinger = time.Minute
	// pinBytes is how large the log may get because of pins.
	pinBytes = 1 << 30
)

// compactor deletes the log's oldest entries, little and often: a deletion is a write like any other.
//
// Invariant: the entry at the state file's position and those behind it are never deleted.
type compactor struct {
	log    *raftLog
	config RaftConfig
	logger *slog.Logger
	now    func() time.Time

	archive archivePin

	mu   sync.Mutex // guards pins
	pins map[*pin]struct{}
}

// pin keeps the entries from an index on.
type pin struct {
	index   uint64
	expires time.Time // zero: while the snapshot is being sent
}

// hold pins the entries from index on, until the returned function is called: with linger a while longer.
func (c *compactor) hold(index uint64) (release func(linger bool)) {
	p := &pin{index: index}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pins[p] = struct{}{}
	return func(linger bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !linger {
			delete(c.pins, p)
		}
		p.expires = c.now().Add(pinLinger)
	}
}

// pinned is the lowest index that is pinned; false: none.
func (c *compactor) pinned() (lowest uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for p := range c.pins {
		if !p.expires.IsZero() && now.After(p.expires) {
			delete(c.pins, p)
			continue
		}
		if !ok || p.index < lowest {
			lowest, ok = p.index, true
		}
	}
	return lowest, ok
}

// compact deletes what nobody needs once the state file is at durable.
func (c *compactor) compact(durable store.Position) {
	first, err := c.log.FirstIndex()
	if err != nil || first == 0 {
		return
	}
	last, err := c.log.LastIndex()
	if err != nil {
		return
	}
	end := c.end(durable.Index, last) // exclusive
	if end < first+compactWorth {
		return
	}
	for first < end {
		to := min(first+compactStep, end) - 1
		if err := c.log.DeleteRange(first, to); err != nil {
			c.logger.Warn("the raft log can't be compacted now", "error", err)
			return
		}
		first = to + 1
	}
}

// end is the first index to keep.
func (c *compactor) end(durable, last uint64) uint64 {
	if durable <= minTrailing || last <= minTrailing {
		return 0
	}
	keep := max(last-min(last, c.config.TrailingLogs), c.log.KeepFrom(c.config.TrailingBytes))
	end := min(keep, durable-minTrailing)
	if lowest, ok := c.pinned(); ok && c.log.Bytes() < pinBytes {
		end = min(end, lowest-min(lowest, minTrailing))
	}
	return min(end, c.archive.from(end))
}
