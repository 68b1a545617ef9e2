package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// Node is a member of the group. Open it, then Run it; everything else may be called from then on, from any goroutine.
type Node struct {
	config   Config
	identity store.Identity
	metrics  *metrics
	fatal    *fatal

	store   *store.Store
	log     *raftLog
	network *streamLayer
	raft    *raft.Raft

	replica     *replica
	proposer    *proposer
	checkpoints *checkpointer
	leadership  *leadership
	transfers   *transferGuard
	lookout     *lookout
	executed    *appliedLog
	room        *store.Room
	pace        *store.Pacer // of backups

	ready    chan struct{}
	stopping atomic.Bool

	holding sync.Mutex // guards writes of held and of the identity's file
	held    atomic.Bool

	restoring  restoring
	keptImages keptImages
}

// Ready is closed when this member knows a leader for the first time and has caught up with it, or leads itself.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Sessions keeps the worker sessions alive while this member leads.
func (n *Node) Sessions() *Sessions { return n.leadership.sessions }

// SetDispatcher names the one who hands out work while this member leads; it is told of the leadership at once. Call it
// once.
func (n *Node) SetDispatcher(d Dispatcher) { n.leadership.attach(d) }

// Submit replicates commands, which stay adjacent in one entry, and calls done exactly once: with a result for each, or
// with the error that Propose would return. done runs on the goroutine that executes entries and must not block; it may
// call Submit, but neither Propose nor Read. The commands must not be changed until then.
//
// Urgent commands (outcomes, heartbeats, expiries) find room where others are turned away.
func (n *Node) Submit(cs []task.Command, urgent bool, done func([]task.Result, error)) {
	n.proposer.submit(cs, urgent, done)
}

// Propose replicates a command and returns its result.
//
// *NotLeaderError, ErrOverloaded, ErrNoSpace, ErrTooLarge, ErrRestored and ErrStopped: it was not and will not be executed.
// ErrUnknownOutcome and the context's error: it may have been, or may yet be.
func (n *Node) Propose(ctx context.Context, c task.Command) (task.Result, error) {
	type answer struct {
		result task.Result
		err    error
	}
	done := make(chan answer, 1)
	n.proposer.submit([]task.Command{c}, false, func(rs []task.Result, err error) {
		if err != nil {
			done <- answer{err: err}
			return
		}
		done <- answer{result: rs[0]}
	})
	select {
	case a := <-done:
		return a.result, a.err
	case <-ctx.Done():
		return task.Result{}, ctx.Err()
	}
}

// Machine runs fn on this member's state under the read lock: fn must be quick, and must not propose.
func (n *Node) Machine(fn func(m *task.Machine)) { n.replica.read(fn) }

// Applied is the entry up to which this member has executed the log. What Machine shows afterwards is at least of that entry.
func (n *Node) Applied() uint64 { return n.replica.applied.index.Load() }

// AwaitApplied returns when this member has executed the log up to an entry.
func (n *Node) AwaitApplied(ctx context.Context, index uint64) error {
	return n.replica.applied.wait(ctx, index)
}

// Read runs fn on a view of the state that has everything that was acknowledged before the call, by whichever member;
// with stale on what this member has. Only the leader answers without stale, others return *NotLeaderError.
func (n *Node) Read(ctx context.Context, stale bool, fn func(*View) error) error {
	if !stale {
		start := time.Now()
		if err := n.catchUp(ctx); err != nil {
			return err
		}
		n.metrics.readSeconds.Observe(time.Since(start).Seconds())
	}
	return view(n.replica, n.store, fn)
}

// ReadIndex is the entry up to which a member must have executed the log to have all that was acknowledged before the call.
//
// *NotLeaderError: this member doesn't lead.
func (n *Node) ReadIndex(ctx context.Context) (uint64, error) {
	if err := n.catchUp(ctx); err != nil {
		return 0, err
	}
	return n.replica.at().Index, nil // raft's own entries, which members don't see, aren't counted
}

// laggard is how long a read waits for entries before it asks whether they are raft's own, which aren't seen here.
const laggard = 250 * time.Millisecond

// catchUp is ReadIndex (Raft dissertation, 6.4): after this term's barrier, what was committed when the majority
// confirmed the leader is all that anybody was told.
func (n *Node) catchUp(ctx context.Context) error {
	if !n.leadership.serving() {
		return n.refusal()
	}
	index := n.raft.CommitIndex()
	if err := n.leadership.lease.confirm(ctx); err != nil {
		if lost(err) {
			return n.refusal()
		}
		return err
	}
	wait, cancel := context.WithTimeout(ctx, laggard)
	defer cancel()
	if err := n.replica.applied.wait(wait, index); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	err := n.leadership.barrier(ctx)
	if err != nil && lost(err) {
		return n.refusal()
	}
	return err
}

// refusal is why this member doesn't take what only a leader takes.
func (n *Node) refusal() error {
	if n.stopping.Load() {
		return ErrStopped
	}
	address, id := n.raft.LeaderWithID()
	if string(id) == string(serverID(n.identity)) { // it leads, but isn't ready to serve
		return &NotLeaderError{}
	}
	return &NotLeaderError{Leader: string(address), LeaderID: string(id)}
}

// roomCheck refuses new tasks while the disk is nearly full, or while the state file can't be written.
type roomCheck struct {
	room        *store.Room
	checkpoints *checkpointer
	metrics     *metrics
}

func (r roomCheck) Admit(size int) error {
	if r.checkpoints.flooded() {
		return ErrNoSpace
	}
	err := r.room.Admit(size, r.checkpoints.owed())
	if errors.Is(err, store.ErrRoomOwed) {
		r.metrics.overloads.Inc()
		return fmt.Errorf("%w: %w", ErrOverloaded, err)
	}
	return err
}
