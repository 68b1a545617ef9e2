package raftfsm

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// replica is the machine with its place in the log.
type replica struct {
	mu       sync.RWMutex // guards the next two
	machine  *task.Machine
	position store.Position // of the last entry that was applied; raft's noops and barriers aren't seen here

	applied   indexMark // the position's index, for those who wait for it
	checksums *checksums
	events    int // how many the machine keeps

	timeline atomic.Uint64 // the machine's, for those who don't want the lock
}

func newReplica(m *task.Machine, p store.Position, c *checksums, events int) *replica {
	r := &replica{machine: m, position: p, checksums: c, events: max(events, 0)}
	m.KeepEvents(r.events, p.Index)
	r.timeline.Store(m.Timeline().ID)
	r.applied.advance(p.Index)
	return r
}

// applied is what an entry of the log did.
type applied struct {
	results []task.Result
	effects task.Effects
	next    task.Time // of the machine's next timer
	timer   bool      // whether there is one
	dirty   int       // bytes that the next checkpoint writes

	nextSchedule task.Time // when the next tick of a schedule is due
	schedule     bool      // whether there is one
	newest       task.ID   // the bulk operation that was started last
}

// apply executes an entry. After an error the machine is unchanged, and so is the position: but for task.ErrRestored, which passes
// over the entry.
func (r *replica) apply(l *raft.Log, want bool) (out applied, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machine.BeginEntry(l.Index)
	out.results, out.effects, err = r.machine.Apply(l.Term, l.Data, want)
	if errors.Is(err, task.ErrRestored) {
		r.position.Index, r.position.Term = l.Index, l.Term
	}
	if err != nil {
		return out, err
	}
	if out.effects.Image.Timeline == 0 { // else no checkpoint may say that this is the state behind the entry: it is another
		r.position.Index, r.position.Term = l.Index, l.Term
	}
	out.next, out.timer = r.machine.NextTimer()
	out.nextSchedule, out.schedule = r.machine.NextSchedule()
	out.dirty = r.machine.DirtyBytes()
	out.newest = r.machine.NewestOperation()
	if len(out.effects.Checksums) > 0 { // here, between this entry and the next, it is the same on all members
		r.checksums.note(Checksum{Index: l.Index, Hash: r.machine.Hash()})
	}
	return out, nil
}

// configure takes over a committed configuration of the group.
func (r *replica) configure(l *raft.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position.Index, r.position.Term = l.Index, l.Term
	r.position.Configuration, r.position.ConfigurationIndex = l.Data, l.Index
}

// replace swaps in the state of an installed snapshot.
func (r *replica) replace(m *task.Machine, p store.Position) {
	m.KeepEvents(r.events, p.Index)
	r.mu.Lock()
	r.machine, r.position = m, p
	r.timeline.Store(m.Timeline().ID)
	r.checksums.clear()
	r.mu.Unlock()
	r.applied.advance(p.Index)
}

// read runs fn under the read lock.
func (r *replica) read(fn func(m *task.Machine)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	fn(r.machine)
}

// level is the group's feature level.
func (r *replica) level() uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.machine.FeatureLevel()
}

// at returns the position.
func (r *replica) at() store.Position {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.position
}

// indexMark is an index that only grows, and that others wait for.
type indexMark struct {
	index   atomic.Uint64
	waiting atomic.Int32

	mu      sync.Mutex // guards changed
	changed chan struct{}
}

// advance raises the index.
func (m *indexMark) advance(index uint64) {
	for {
		old := m.index.Load()
		if index <= old {
			return
		}
		if m.index.CompareAndSwap(old, index) {
			break
		}
	}
	if m.waiting.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// wait returns when the index has been reached.
func (m *indexMark) wait(ctx context.Context, index uint64) error {
	if m.index.Load() >= index {
		return nil
	}
	m.waiting.Add(1) // before the look below: advance looks at it after its change
	defer m.waiting.Add(-1)
	for {
		m.mu.Lock()
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		changed := m.changed
		m.mu.Unlock()
		if m.index.Load() >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
