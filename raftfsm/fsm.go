package raftfsm

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// fsm applies the log to the machine. raft calls it from one goroutine.
type fsm struct {
	replica     *replica
	proposer    *proposer
	checkpoints *checkpointer
	snapshots   *snapshots
	leadership  *leadership
	store       *store.Store
	log         *raftLog
	payloads    *hydrator
	fatal       *fatal
	logger      *slog.Logger
	metrics     *metrics

	broken  bool // an entry couldn't be executed: nothing behind it may be
	answers []any
}

var _ raft.BatchingFSM = (*fsm)(nil)

// Apply executes one entry. raft uses ApplyBatch.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch executes entries. Their results go to the callers of Submit, not through raft.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	committed := time.Now()
	for _, l := range logs {
		if f.broken || l.Index <= f.replica.applied.index.Load() {
			continue
		}
		switch l.Type {
		case raft.LogCommand:
			f.apply(l, committed)
		case raft.LogConfiguration:
			f.replica.configure(l)
		default: // raft sends no others
		}
		if !f.broken {
			f.replica.applied.advance(l.Index)
		}
	}
	for len(f.answers) < len(logs) {
		f.answers = append(f.answers, nil)
	}
	return f.answers[:len(logs)]
}

// apply executes an entry that raft handed over at the given time.
func (f *fsm) apply(l *raft.Log, committed time.Time) {
	var ours *batch
	if h, err := task.ReadHeader(l.Data); err == nil && h.Node == f.proposer.node {
		ours = f.proposer.take(h.Seq)
	}
	if ours != nil {
		f.metrics.commitSeconds.Observe(committed.Sub(ours.sealed).Seconds())
	}
	f.checkpoints.throttle()
	start := time.Now()
	out, err := f.replica.apply(l, ours != nil)
	f.metrics.applySeconds.Observe(time.Since(start).Seconds())
	if errors.Is(err, task.ErrRestored) {
		f.passOver(l, ours, err)
		return
	}
	if err != nil {
		f.refuse(l, ours, err)
		return
	}
	f.checkpoints.note(out.dirty)
	if err := f.obey(out.effects.Checksums); err != nil {
		f.refuse(l, ours, err)
		return
	}
	leads := f.leadership.applied(ours, &out)
	if ours != nil {
		f.payloads.hydrate(out.results)
	}
	if out.effects.Image.Timeline != 0 {
		if err := f.installImage(l, out.effects.Image); err != nil {
			f.refuse(l, ours, err)
			return
		}
	}
	if ours != nil {
		ours.deliver(out.results)
	}
	if leads != nil {
		leads.Applied(out.effects)
	}
	if ours != nil {
		f.proposer.release(ours)
	}
}

// obey holds the state against what the entry says that the majority has.
func (f *fsm) obey(verdicts []task.Checksum) error {
	for _, v := range verdicts {
		if err := f.replica.checksums.check(Checksum{Index: v.Agreed, Hash: v.Hash}); err != nil {
			return err
		}
	}
	return nil
}

// refuse ends the node over an entry that it can't read, damaged or by a newer version: to skip it would make this
// member's state another than the others'. Or over one that says that it is another already.
func (f *fsm) refuse(l *raft.Log, ours *batch, err error) {
	f.broken = true
	f.fatal.fail(fmt.Sprintf("execute entry %d of term %d", l.Index, l.Term), err)
	if ours != nil {
		ours.fail(ErrUnknownOutcome)
		f.proposer.release(ours)
	}
}

// Snapshot captures nothing: Persist takes a checkpoint, which is of this moment or later, and knows which.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.broken {
		return nil, errors.New("the state is behind the log")
	}
	return localSnapshot{f.checkpoints}, nil
}

// Restore puts a received state in the place of this member's. Up to the swap of the file nothing has changed, and the
// leader tries again; an error from there on ends the node, which starts again from the file that is there.
func (f *fsm) Restore(stream io.ReadCloser) error {
	defer stream.Close()
	received := f.snapshots.take()
	if received == nil {
		return errors.New("restore: no state has been received")
	}
	err := f.checkpoints.abandon(func() error { return f.install(received) })
	if err != nil {
		return err
	}
	f.metrics.installs.Inc()
	f.metrics.installSeconds.Observe(time.Since(received.began).Seconds())
	f.logger.Info("installed the leader's state", "index", received.position.Index, "term", received.position.Term)
	f.leadership.replaced()
	return nil
}

func (f *fsm) install(received *image) error {
	before := f.store.Position()
	if err := f.store.Replace(received.path); err != nil {
		if f.store.Position().Index != before.Index {
			f.fatal.fail("install the leader's state", err)
		}
		return err
	}
	m, p, err := f.store.Load()
	if err != nil {
		f.fatal.fail("load the leader's state", err)
		f.broken = true
		return err
	}
	f.proposer.enter(m.Timeline().ID)
	if err := f.log.follow(p); err != nil {
		f.fatal.fail("fit the raft log to the leader's state", err)
		f.broken = true
		return err
	}
	f.replica.replace(m, p)
	return nil
}
