package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// ReplayConfig is what Replay needs. Zero fields take the defaults of their comments.
type ReplayConfig struct {
	// Plan is what to replay, and Bucket where it lies.
	Plan   logarchive.Plan
	Bucket bucket.Bucket
	Keys   archive.Keys
	// Dir is a directory that doesn't exist yet, or is empty. The state file is made there.
	Dir string
	// SupportedLevel is the highest feature level that may be met. Default task.SupportedLevel.
	SupportedLevel uint32
	// Bytes of changes are kept in memory before they are written to the state file. Default 32 MiB.
	Bytes int
	// Unpacking is told how many bytes of the full backup are written here; nil: nobody is.
	Unpacking func(done, total int64)
	// Progress is told now and then which entry has been executed; nil: nobody is.
	Progress func(index uint64)
	// Hashes are state hashes by entry, as manifests write them, that the replayed state must have on its way: those of later full
	// backups.
	Hashes map[uint64]string
	// Check checks every invariant of the state at the end.
	Check bool
	// Logger is required.
	Logger *slog.Logger
}

// Replayed is the state that a replay has made.
type Replayed struct {
	Path      string // of the state file
	Position  store.Position
	StateTime time.Time
	Hash      uint64 // of the state
	LiveTasks uint64
	Level     uint32 // feature level
	Entries   uint64 // how many were executed behind the full backup
	// Verified is the last entry after which the state's hash is known to have been what a majority of the members had; 0: the
	// log doesn't tell.
	Verified uint64
}

var (
	// ErrReplay says that archives don't lead to the state that the group had.
	ErrReplay = errors.New("the replayed state isn't the group's")
	// ErrTimelineEnds says that a restore has ended a timeline before the target. It is an ErrReplay.
	ErrTimelineEnds = fmt.Errorf("%w: a restore ends this timeline there: choose a target before", ErrReplay)
)

// Replay makes the state at a moment from a full backup and the log behind it, by executing the log's entries as a member
// does. The hashes that the members compared, which are in the log, are held against the replayed state. The memory it
// takes is that of a member with the state.
//
// With an error of the log, what was reached before it is returned as well, without a path: that state was had again.
//
// Errors are those of the archives (archive.ErrDamaged and others), logarchive.ErrGap and ErrDiverged, ErrReplay,
// store.ErrNotEmpty, task.ErrNewerLevel and those of writing. What is left in the directory then is of no use.
func Replay(ctx context.Context, c ReplayConfig) (r Replayed, err error) {
	set(&c.SupportedLevel, task.SupportedLevel)
	set(&c.Bytes, 32<<20)
	if err := emptyDir(c.Dir); err != nil {
		return r, err
	}
	if err := unpackFull(ctx, c); err != nil {
		return r, fmt.Errorf("%s: %w", c.Plan.Full.Name, err)
	}
	s, err := store.Open(store.Options{Dir: c.Dir, Logger: c.Logger, Now: time.Now, SupportedLevel: c.SupportedLevel})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p := &player{config: c, store: s, target: c.Plan.Target, hashes: checksums{}}
	if err := p.load(); err != nil {
		return r, err
	}
	if err := p.run(ctx); err != nil {
		return p.reachedState(), err
	}
	return p.finish()
}

// emptyDir makes a directory, or takes one that is empty.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w: %s: give a new one", store.ErrNotEmpty, dir)
	}
	return err
}

// unpackFull writes the full backup's state file, and verifies all of it.
func unpackFull(ctx context.Context, c ReplayConfig) (err error) {
	o, err := c.Bucket.Open(ctx, c.Plan.Full.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	a, err := archive.Open(o, o.Size(), c.Keys)
	if err != nil {
		return err
	}
	path := store.Dir(c.Dir).State()
	if err := a.Unpack(ctx, path, c.Unpacking); err != nil {
		return err
	}
	p, err := store.PrepareImage(path)
	if m := a.Manifest(); err == nil && (p.Index != m.Index || p.Term != m.Term) {
		err = fmt.Errorf("%w: the state file is at entry %d of term %d, by its manifest at %d of term %d", ErrReplay, p.Index, p.Term, m.Index, m.Term)
	}
	return err
}

// player executes entries.
type player struct {
	config   ReplayConfig
	store    *store.Store
	target   logarchive.Target
	machine  *task.Machine
	position store.Position
	hashes   checksums
	made     Replayed
	now      task.Time // of the state at the position
	reached  bool      // the target
	spoilt   bool      // the machine isn't the one of the position: an entry couldn't be executed
}

// load begins with the full backup's state.
func (p *player) load() (err error) {
	if p.machine, p.position, err = p.store.Load(); err != nil {
		return err
	}
	p.machine.KeepEvents(0, p.position.Index)
	if want, own := p.config.Plan.Manifest.Hash, archive.HashText(p.machine.Hash()); want != "" && want != own {
		return fmt.Errorf("%w: the full backup's state has the hash %s, by its manifest %s", ErrReplay, own, want)
	}
	p.now = p.machine.Now()
	p.reached = p.target.Index != 0 && p.position.Index >= p.target.Index
	return nil
}

// run executes the log up to the target.
func (p *player) run(ctx context.Context) error {
	chain := logarchive.NewChain(p.config.Bucket, p.config.Plan.Segments, logarchive.LinkOf(p.config.Plan.Manifest), p.config.Keys)
	for !p.reached {
		entries, _, err := chain.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if p.behind(e) {
				p.reached = true
				break
			}
			if err := p.step(e); err != nil {
				return fmt.Errorf("execute entry %d: %w", e.Index, err)
			}
			if p.reached = e.Index == p.target.Index; p.reached {
				break
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.config.Progress != nil {
			p.config.Progress(p.position.Index)
		}
	}
	if p.target.Index > p.position.Index {
		return fmt.Errorf("%w: the archives end at index %d", logarchive.ErrNotCovered, p.position.Index)
	}
	return nil
}

// behind reports whether an entry is of a later time than the target's.
func (p *player) behind(e logarchive.Entry) bool {
	if p.target.Time.IsZero() || e.Type != raft.LogCommand {
		return false
	}
	h, err := task.ReadHeader(e.Data)
	return err == nil && h.Time > p.target.Time.UnixMicro()
}

// step executes an entry, and holds the state that it leaves against what is known of it. After an error the player is where it was
// before.
func (p *player) step(e logarchive.Entry) error {
	before := p.position
	p.position.Index, p.position.Term = e.Index, e.Term
	err := p.execute(e)
	if want, known := p.config.Hashes[e.Index]; err == nil && known {
		if own := archive.HashText(p.machine.Hash()); own != want {
			err = fmt.Errorf("%w: its hash is %s, the full backup that was made there has %s", ErrReplay, own, want)
		}
	}
	if err != nil {
		p.position, p.spoilt = before, true
		return err
	}
	p.made.Entries++
	p.now = p.machine.Now()
	return nil
}

// execute executes an entry as a member does.
func (p *player) execute(e logarchive.Entry) error {
	switch e.Type {
	case raft.LogConfiguration:
		p.position.Configuration, p.position.ConfigurationIndex = e.Data, e.Index
	case raft.LogCommand:
		return p.apply(e)
	default: // raft's own, which change nothing
	}
	return nil
}

func (p *player) apply(e logarchive.Entry) error {
	p.machine.BeginEntry(e.Index)
	_, effects, err := p.machine.Apply(e.Term, e.Data, false)
	switch {
	case errors.Is(err, task.ErrNewerLevel):
		return err
	case errors.Is(err, task.ErrRestored): // the members passed over it as well
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrReplay, err)
	case effects.Image.Timeline != 0:
		return ErrTimelineEnds
	}
	if len(effects.Checksums) > 0 {
		p.hashes.note(Checksum{Index: e.Index, Hash: p.machine.Hash()})
	}
	for _, verdict := range effects.Checksums {
		own, known := hashAt(p.hashes.list(), verdict.Agreed)
		if !known {
			continue
		}
		if own != verdict.Hash {
			return fmt.Errorf("%w: after entry %d its hash is %016x, the majority's was %016x", ErrReplay, verdict.Agreed, own, verdict.Hash)
		}
		p.made.Verified = verdict.Agreed
	}
	if p.machine.DirtyBytes() < p.config.Bytes {
		return nil
	}
	return p.checkpoint()
}

// checkpoint writes what has changed to the state file, and lets go of it.
func (p *player) checkpoint() error {
	p.machine.Freeze()
	for !p.machine.Capture(captureStep) {
	}
	if err := p.store.Commit(p.machine.Frozen(), p.position); err != nil {
		return err
	}
	p.machine.Committed(p.config.Bytes)
	return nil
}

// finish makes the state durable and describes it.
func (p *player) finish() (Replayed, error) {
	if p.config.Check {
		if broken := p.machine.Check(1); len(broken) > 0 {
			return p.reachedState(), fmt.Errorf("%w: an invariant doesn't hold after entry %d: %s", ErrReplay, p.position.Index, broken[0])
		}
	}
	if err := p.checkpoint(); err != nil {
		return Replayed{}, err
	}
	r := p.reachedState()
	r.Path, r.Level = store.Dir(p.config.Dir).State(), p.machine.FeatureLevel()
	return r, nil
}

// reachedState describes the state after the last entry that was executed.
func (p *player) reachedState() Replayed {
	r := p.made
	r.Position, r.StateTime = p.position, time.UnixMicro(p.now).UTC()
	if !p.spoilt {
		r.Hash, r.LiveTasks = p.machine.Hash(), p.machine.LiveTasks()
	}
	return r
}
