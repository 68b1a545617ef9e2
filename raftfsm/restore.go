package raftfsm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// OnlineRestore puts the state of a backup in the place of a running group's.
//
// The log carries it like any other change: an entry names a state file, and whoever executes the entry puts the file in the
// place of its state. All members have the file, verified and prepared, before the entry is proposed. So the restore is executed
// by all or by none, whoever dies or leads meanwhile.
type OnlineRestore struct {
	// Path is of the state file, as ReceiveImage returned it. Restore takes it over.
	Path string
	// Hash is what its state hash must be; nil: it isn't known.
	Hash *uint64
	// Why is what the cluster says while it is suspended.
	Why string
	// DryRun verifies the state file, and ends before anything is changed.
	DryRun bool
}

// spareIDs is by how much the counters of a restored state are ahead of those that are known, for what is given out until then, or
// was given out behind the backup.
const spareIDs = 1 << 24

func ahead(c task.Counters) task.Counters {
	return task.Counters{
		NextID: c.NextID + spareIDs, LastToken: c.LastToken + spareIDs, LastSession: c.LastSession + spareIDs, LastProducer: c.LastProducer + spareIDs,
	}
}

// restoring is a restore that this leader makes.
type restoring struct{ sync.Mutex }

// Restore restores, if this member leads. It returns when this member serves the restored state, which is suspended until
// task.ResumeCluster. The group keeps its members and its cluster ID.
//
// *NotLeaderError, ErrLevel, ErrRefused, ErrBadBackup, task.ErrNewerLevel, ErrNoSpace: the state is as it was.
// ErrUnknownOutcome and the context's error: it may have been restored, or may yet be.
func (n *Node) Restore(ctx context.Context, r OnlineRestore) (done RestoreSummary, err error) {
	defer func() { err = errors.Join(err, removeIfThere(r.Path)) }()
	done.ClusterID = n.identity.ClusterID
	if !n.leadership.serving() {
		return done, n.refusal()
	}
	if !n.restoring.TryLock() {
		return done, fmt.Errorf("%w: another restore is under way", ErrRefused)
	}
	defer n.restoring.Unlock()
	term := n.raft.CurrentTerm()
	if err := n.awaitLevel(ctx); err != nil {
		return done, err
	}
	done.Restored, err = store.PrepareRestore(r.Path, store.RestoreOptions{
		Logger: n.config.Logger, Now: n.config.Now, SupportedLevel: n.config.SupportedLevel, Hash: r.Hash,
		Restoration: func(m *task.Machine, p store.Position) (task.Restoration, error) { return n.restoration(m, p, r.Why) },
	})
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrHash) || errors.Is(err, store.ErrFormat) {
		err = fmt.Errorf("%w: %w", ErrBadBackup, err)
	}
	if err != nil || r.DryRun {
		return done, err
	}
	sum, err := n.keepOwn(ctx, term, r.Path)
	if err != nil {
		return done, err
	}
	n.config.Logger.Warn("restoring: the state of a backup takes the place of the group's", "timeline", done.Timeline.ID,
		"backup_index", done.Was.Index, "live_tasks", done.LiveTasks)
	// No member is taken in that hasn't got the file.
	err = n.leadership.leveler.exclude(func() error {
		if err := n.distribute(ctx, term, sum); err != nil {
			return err
		}
		n.leadership.archiver.settle(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		// It can't be called back from here on, and as long as it may be on its way nobody is taken in.
		return n.proposeImage(context.WithoutCancel(ctx), &task.InstallImage{SHA256: sum, Timeline: done.Timeline.ID, Term: term})
	})
	if err != nil {
		return done, err
	}
	return done, n.awaitTimeline(ctx, done.Timeline.ID)
}

// levelPatience is how long a restore waits for the feature level, which rises by itself soon after a group was founded.
const levelPatience = 5 * time.Second

func (n *Node) awaitLevel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, levelPatience)
	defer cancel()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for n.replica.level() < task.LevelFeatures {
		select {
		case <-ctx.Done():
			return ErrLevel
		case <-poll.C:
		}
	}
	return nil
}

// restoration is what a backup's state is given to take the place of this group's.
func (n *Node) restoration(m *task.Machine, p store.Position, why string) (r task.Restoration, err error) {
	n.replica.read(func(own *task.Machine) {
		r = task.Restoration{
			Now: n.config.Now().UnixMicro(), Index: p.Index, Timeline: max(own.Timeline().ID, m.Timeline().ID) + 1, Level: own.FeatureLevel(), Why: why,
			Counters: ahead(own.Counters()),
		}
	})
	if m.FeatureLevel() > r.Level {
		return r, fmt.Errorf("%w: the backup is at feature level %d and the group at %d: let all members run a version that supports it (rowlock cluster members)",
			ErrRefused, m.FeatureLevel(), r.Level)
	}
	return r, nil
}

func (n *Node) proposeImage(ctx context.Context, c *task.InstallImage) error {
	res, err := n.Propose(ctx, c)
	switch {
	case errors.Is(err, ErrRestored):
		return errOtherRestore
	case err != nil:
		return err
	case res.Code == task.WrongTerm:
		return errOtherLeader
	case res.Code != task.OK:
		return errOtherRestore
	}
	return nil
}

// ReceiveImage reads a state file of a known size and digest into a file that Restore takes over. It is gone after a restart.
//
// ErrNoSpace: the disk hasn't room for it. ErrBadBackup: something else came.
func (n *Node) ReceiveImage(sum [sha256.Size]byte, size uint64, from io.Reader) (path string, err error) {
	if free, ok := n.checkpoints.free(); ok && free < size {
		return "", fmt.Errorf("%w: the state file takes %d bytes, and member %s has room for %d", ErrNoSpace, size, n.identity.NodeID, free)
	}
	path, err = n.store.ReceiveImage(sum, size, from)
	if errors.Is(err, store.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrBadBackup, err)
	}
	return path, err
}

// awaitTimeline returns when this member serves a timeline, or a later one.
func (n *Node) awaitTimeline(ctx context.Context, id uint64) error {
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		var at uint64
		n.replica.read(func(m *task.Machine) { at = m.Timeline().ID })
		if at >= id && n.leadership.serving() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.fatal.done():
			return ErrUnknownOutcome
		case <-poll.C:
			if at >= id && n.raft.State() != raft.Leader { // it is restored, and another member leads
				return nil
			}
		}
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
