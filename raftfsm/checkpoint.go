package raftfsm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// captureStep is how many tasks are captured under one hold of the write lock: about 0.1 ms.
const captureStep = 512

// checkpointer keeps the state file close behind the log.
type checkpointer struct {
	config  CheckpointConfig
	replica *replica
	store   interface {
		Commit(cp *task.Checkpoint, p store.Position) error
		Position() store.Position
		View() (*store.View, error)
	}
	compact func(durable store.Position)
	fatal   *fatal
	logger  *slog.Logger
	metrics *metrics
	early   chan struct{}

	cycle   sync.Mutex      // one checkpoint at a time; guards the next two
	pending *store.Position // of a frozen checkpoint that isn't committed yet

	dirty     atomic.Int64 // bytes that the next checkpoint writes
	unwritten atomic.Int64 // bytes of the frozen one, until it is committed
	current   atomic.Int64 // when the file last held all that had been executed, in Unix nanoseconds
	problem   atomic.Pointer[string]
	free      func() (bytes uint64, ok bool) // space on the disk

	mu      sync.Mutex // guards the next two
	runs    bool
	writing bool
	done    *sync.Cond // told when a checkpoint begins or ends, and when run ends
}

func newCheckpointer(c CheckpointConfig, r *replica, s *store.Store) *checkpointer {
	p := &checkpointer{config: c, replica: r, store: s, early: make(chan struct{}, 1)}
	p.free = func() (uint64, bool) { return 0, false }
	p.done = sync.NewCond(&p.mu)
	p.current.Store(time.Now().UnixNano())
	return p
}

// run takes a checkpoint at every interval, and early when much has changed, until ctx is done.
func (c *checkpointer) run(ctx context.Context) {
	c.change(func() { c.runs = true })
	defer c.change(func() { c.runs = false })
	tick := time.NewTicker(c.config.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.early:
		}
		// A lack of space has been noted and is tried again; anything else ends the node.
		_ = c.take(nil)
	}
}

// take makes the state durable as it is now, or does nothing if it is already. With a floor it also makes the file's
// position at least the floor's, which raft has asked for: the entries between the last one applied and the floor are
// raft's own, and change nothing.
//
// ErrNoSpace: the frozen checkpoint is kept, and the next call goes on with it. Any other error has ended the node.
func (c *checkpointer) take(floor *store.Position) error {
	c.cycle.Lock()
	defer c.cycle.Unlock()
	return c.checkpoint(floor, nil)
}

// at makes the state durable as it is now. note sees the machine at that position, under its lock, and then runs while the
// file is still at it.
func (c *checkpointer) at(note func(*task.Machine, store.Position), then func() error) error {
	c.cycle.Lock()
	defer c.cycle.Unlock()
	if err := c.checkpoint(nil, note); err != nil {
		return err
	}
	return then()
}

// checkpoint is one cycle. Needs cycle.
func (c *checkpointer) checkpoint(floor *store.Position, note func(*task.Machine, store.Position)) error {
	start := time.Now()
	if c.pending != nil { // an earlier one that failed: the state has moved on since
		if err := c.commit(); err != nil {
			return err
		}
	}
	frozen := time.Now()
	if !c.freeze(floor, note) {
		c.current.Store(frozen.UnixNano())
		return nil
	}
	for !c.capture() {
	}
	err := c.commit()
	if err == nil {
		c.current.Store(frozen.UnixNano())
	}
	c.metrics.checkpointSeconds.Observe(time.Since(start).Seconds())
	return err
}

// freeze begins a checkpoint; false: the file has it all. note, if there is one, sees what is frozen.
func (c *checkpointer) freeze(floor *store.Position, note func(*task.Machine, store.Position)) bool {
	r := c.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	if floor != nil && r.position.Index < floor.Index {
		r.position = *floor
		r.applied.advance(floor.Index)
	}
	if note != nil {
		note(r.machine, r.position)
	}
	if r.position.Index <= c.store.Position().Index {
		return false
	}
	at := r.position
	c.pending = &at
	r.machine.Freeze()
	c.change(func() { c.unwritten.Store(c.dirty.Swap(0)) })
	return true
}

func (c *checkpointer) capture() bool {
	c.replica.mu.Lock()
	defer c.replica.mu.Unlock()
	return c.replica.machine.Capture(captureStep)
}

// commit writes the frozen checkpoint. Needs cycle.
func (c *checkpointer) commit() error {
	c.change(func() { c.writing = true })
	defer c.change(func() { c.writing = false })
	err := c.store.Commit(c.replica.machine.Frozen(), *c.pending)
	if errors.Is(err, store.ErrNoSpace) {
		c.metrics.checkpointFails.Inc()
		if text := err.Error(); c.problem.Swap(&text) == nil {
			c.logger.Error("the state file can't be written: the disk is full; it is tried again", "error", err)
		}
		return err
	}
	if err != nil {
		c.fatal.fail("checkpoint", err)
		return err
	}
	c.replica.mu.Lock()
	c.replica.machine.Committed(c.config.PayloadBudget)
	c.replica.mu.Unlock()
	durable := *c.pending
	c.pending = nil
	c.unwritten.Store(0)
	if c.problem.Swap(nil) != nil {
		c.logger.Info("the state file is written again")
	}
	c.compact(durable)
	return nil
}

// change changes what throttle looks at, and has it look again.
func (c *checkpointer) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
	c.done.Broadcast()
}

// note takes the bytes that the next checkpoint writes, after each entry.
func (c *checkpointer) note(dirty int) {
	c.dirty.Store(int64(dirty))
	if early, _ := c.bounds(); int64(dirty) < early {
		return
	}
	select {
	case c.early <- struct{}{}:
	default:
	}
}

// throttle makes applying wait when too much has changed since the last checkpoint, until one begins or, if one is being
// written, ends.
//
// Invariant: a checkpoint fits on the disk. It needs new pages for what changed, and sets as many free for the next; so
// what changes between two is kept small against the free space.
func (c *checkpointer) throttle() {
	if _, hard := c.bounds(); c.dirty.Load() < hard {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	waited := false
	for c.holdsUp() {
		waited = true
		c.done.Wait()
	}
	if waited {
		c.metrics.throttled.Inc()
	}
}

// holdsUp reports whether applying must wait. It doesn't where waiting is in vain: no checkpoint comes, or it can't be
// written. Needs mu.
func (c *checkpointer) holdsUp() bool {
	_, hard := c.bounds()
	switch {
	case c.dirty.Load() < hard || c.fatal.get() != nil:
		return false
	case c.writing:
		return true
	default:
		return c.runs && c.problem.Load() == nil
	}
}

// diskShare is the part of the free space that the changes between two checkpoints may take.
const diskShare = 4

// minBytes is the least that begins a checkpoint early, however little space there is.
const minBytes = 256 << 10

// bounds returns how many bytes of changes begin a checkpoint, and how many make applying wait for one.
func (c *checkpointer) bounds() (early, hard int64) {
	early, hard = int64(c.config.Bytes), int64(c.config.HardBytes)
	if free, ok := c.free(); ok {
		share := int64(free / diskShare)
		early, hard = min(early, max(share/2, minBytes)), min(hard, max(share, 2*minBytes))
	}
	return early, hard
}

// owed is about how many bytes the state file will grow by what was applied already.
func (c *checkpointer) owed() uint64 {
	bytes := uint64(c.dirty.Load() + c.unwritten.Load())
	return bytes + bytes/2 // bolt's pages are never full, and those on the way to the root are written too
}

// flooded reports that the state file can't be written and too much waits for it: no more tasks may come.
func (c *checkpointer) flooded() bool {
	return c.problem.Load() != nil && c.dirty.Load() >= int64(c.config.HardBytes)
}

// degraded is why the state file can't be written; empty: it can.
func (c *checkpointer) degraded() string {
	if p := c.problem.Load(); p != nil {
		return *p
	}
	return ""
}

// abandon forgets the frozen checkpoint of a state that has been replaced, and runs fn before any other is taken.
func (c *checkpointer) abandon(fn func() error) error {
	c.cycle.Lock()
	defer c.cycle.Unlock()
	err := fn()
	if err == nil {
		c.pending = nil
		c.problem.Store(nil)
		c.dirty.Store(0)
		c.unwritten.Store(0)
		c.current.Store(time.Now().UnixNano())
	}
	return err
}
