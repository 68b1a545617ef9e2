package raftfsm

import (
	"errors"
	"fmt"
	"sync"

	"github.com/rowlock/rowlock/store"
)

// Checksum is the hash of a member's state as it was right after an entry of the log.
type Checksum struct {
	Index uint64
	Hash  uint64
}

// checksumsKept is how many hashes a member remembers: those of the last minutes, so that a member that lags, and the
// verdict, which comes an entry later, still find theirs.
const checksumsKept = 16

// checksums are the last hashes that were taken of this member's state.
//
// Invariant: each was taken between the entry of its index, which has a Checksum command, and the next, so that members
// whose state is the same have the same.
type checksums struct {
	dir     string // of the data, which is marked when the state turns out to have diverged
	metrics *metrics

	mu     sync.Mutex    // guards the rest
	kept   []Checksum    // by ascending index
	agreed Checksum      // the last verdict that was on a hash of these, and the same
	news   chan struct{} // closed when agreed changes; nil: nobody waits
}

// Checksums returns the last hashes of this member's state, by ascending index, for the leader to compare.
func (n *Node) Checksums() []Checksum { return n.replica.checksums.list() }

func (c *checksums) note(x Checksum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) == checksumsKept {
		c.kept = append(c.kept[:0], c.kept[1:]...)
	}
	c.kept = append(c.kept, x)
}

func (c *checksums) list() []Checksum {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Checksum(nil), c.kept...)
}

// clear forgets the hashes of a state that was replaced: a verdict on it doesn't concern the new one.
func (c *checksums) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept, c.agreed = nil, Checksum{}
}

// last is the index of the newest; 0: there is none.
func (c *checksums) last() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.kept); n > 0 {
		return c.kept[n-1].Index
	}
	return 0
}

// check holds this member's state against what the majority has. If it differs the data directory is marked, and the
// node must end with the error.
func (c *checksums) check(agreed Checksum) error {
	own, known := hashAt(c.list(), agreed.Index)
	if !known {
		return nil
	}
	if own == agreed.Hash {
		c.agree(agreed)
		return nil
	}
	c.metrics.mismatches.Inc()
	where := fmt.Sprintf("after entry %d its hash is %016x, the majority's %016x", agreed.Index, own, agreed.Hash)
	return errors.Join(fmt.Errorf("%w: %s", ErrDiverged, where), store.MarkDiverged(c.dir, where))
}

// hashAt finds the hash that was taken after an entry.
func hashAt(list []Checksum, index uint64) (hash uint64, ok bool) {
	for _, c := range list {
		if c.Index == index {
			return c.Hash, true
		}
	}
	return 0, false
}

// refuseDiverged refuses a data directory whose state has been found to differ from the group's.
func refuseDiverged(dir string) error {
	where, marked, err := store.Divergence(dir)
	if !marked {
		return err
	}
	if begun, _ := store.SettingAside(dir); begun {
		return fmt.Errorf("data directory %s can't be served from: %s", dir, where)
	}
	return errors.Join(fmt.Errorf("%w: %s. Remove all that is in %s and start again: the member comes back as a new one, "+
		"and gets the state from the others", ErrDiverged, where, dir), err)
}
