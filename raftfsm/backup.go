package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// Backup is a copy of this member's state as it was right after one entry of the log, and what was true of it there.
// Close it: the copy takes as much space on this member's disk as the state file.
//
// It is read as fast as this member's work allows; see store.Pacer.
type Backup struct {
	*store.Image
	paced             io.Reader // the image
	ClusterID, NodeID string
	Index, Term       uint64 // of the entry
	// Hash is the machine's, taken under the same hold of the lock that froze what the image holds.
	Hash         uint64
	Timeline     uint64
	FeatureLevel uint32
	StateTime    task.Time
	LiveTasks    uint64
	Queues       int
}

// Read reads on, until the context that Backup was called with is done.
func (b *Backup) Read(to []byte) (int, error) { return b.paced.Read(to) }

// Manifest describes the backup, but for what comes with its archive: when it was created, the verdict, the body.
func (b *Backup) Manifest(version string) archive.Manifest {
	return archive.Manifest{
		Kind: archive.Full, ClusterID: b.ClusterID, NodeID: b.NodeID, Version: version, Timeline: logarchive.TimelineName(b.Timeline),
		Index: b.Index, Term: b.Term, StateTime: time.UnixMicro(b.StateTime).UTC(), FeatureLevel: b.FeatureLevel, Hash: archive.HashText(b.Hash),
		LiveTasks: b.LiveTasks, Queues: uint64(b.Queues),
	}
}

// errNothingYet means that there is no state to copy.
var errNothingYet = errors.New("this member has executed nothing yet")

// currentPatience is how long a member may take to execute what had been acknowledged when a backup was asked for.
const currentPatience = 10 * time.Second

// current waits until this member has all that was acknowledged before the call. Where no leader answers it goes on with what
// this member has: then no verdict of the members confirms the backup either.
func (n *Node) current(ctx context.Context) error {
	if n.leadership.serving() { // it executes before it acknowledges
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, currentPatience)
	defer cancel()
	address, _ := n.raft.LeaderWithID()
	if address == "" {
		return nil
	}
	index, err := n.lookout.readIndex(ctx, string(address))
	if err != nil {
		n.config.Logger.Warn("a backup is taken of what this member has: the leader can't be asked what it must have", "error", err)
		return nil
	}
	if err := n.AwaitApplied(ctx, index); err != nil {
		return fmt.Errorf("back up: this member is behind the leader, and hasn't executed entry %d yet: ask another: %w", index, err)
	}
	return nil
}

// Backup makes the state durable and copies it. Writes go on meanwhile. Any member can do it, also without a leader; what was
// acknowledged before the call is in it, if there is a leader. ctx is that of reading it too.
//
// store.ErrNoSpace: the disk hasn't room for the copy. ErrStopped: the member is stopping, or can't go on.
func (n *Node) Backup(ctx context.Context) (*Backup, error) {
	if n.stopping.Load() || n.fatal.get() != nil {
		return nil, ErrStopped
	}
	// A backup mustn't bring the member to a stop.
	if err := n.room.Fits(n.store.Bytes(), "a backup can be taken"); err != nil {
		return nil, err
	}
	if err := n.current(ctx); err != nil {
		return nil, err
	}
	b := &Backup{ClusterID: n.identity.ClusterID, NodeID: n.identity.NodeID}
	var view *store.View
	err := n.checkpoints.at(b.note, func() (err error) {
		view, err = n.store.View()
		return err
	})
	if err != nil {
		if errors.Is(err, store.ErrClosed) {
			return nil, ErrStopped
		}
		return nil, fmt.Errorf("back up: %w", err)
	}
	defer view.Close()
	p := view.Position()
	switch {
	case p.Index == 0 || len(p.Configuration) == 0:
		return nil, errNothingYet
	case p.Index != b.Index:
		return nil, fmt.Errorf("back up: the state file is at entry %d, the state that was noted at %d", p.Index, b.Index)
	}
	if b.Image, err = n.store.ImageOf(ctx, view, n.pace); err != nil {
		return nil, fmt.Errorf("back up: %w", err)
	}
	b.paced = store.Paced(ctx, b.Image, n.pace)
	return b, nil
}

// BackupPacer bounds how fast the state is copied for backups, so that this member can go on with its work.
func (n *Node) BackupPacer() *store.Pacer { return n.pace }

// note takes down what the machine is like at a position. Under the machine's lock.
func (b *Backup) note(m *task.Machine, p store.Position) {
	b.Index, b.Term = p.Index, p.Term
	b.Hash, b.Timeline = m.Hash(), m.Timeline().ID
	b.FeatureLevel, b.StateTime = m.FeatureLevel(), m.Now()
	b.LiveTasks, b.Queues = m.LiveTasks(), m.QueueCount()
}
