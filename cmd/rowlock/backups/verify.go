package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/store/scratch"
	"github.com/rowlock/rowlock/task"
)

// ErrUnsound means that what an archive holds isn't what its manifest promises.
var ErrUnsound = errors.New("the backup doesn't restore")

// VerifyOptions say how a backup is verified.
type VerifyOptions struct {
	// Dir is where the trial restore takes place, in a directory of its own that is removed; empty: the system's for temporary
	// files. It needs as much room as the state.
	Dir string
	Now func() time.Time
	// Progress is told how many bytes of the state have been read. May be nil.
	Progress func(done, total int64)
	// Pace bounds how fast the state is unpacked, where that is done by a member at work; nil: nothing does.
	Pace *store.Pacer
}

// Verified is what a trial restore found.
type Verified struct {
	Manifest  archive.Manifest
	Hash      string // of the state
	LiveTasks uint64
	Queues    uint64
	Timeline  string // that a restore would begin
}

// Verify proves a full backup by restoring it beside: all digests, all checksums of the state file, its load, every invariant of
// the machine, the state's hash, and the beginning of a new timeline. Nobody serves what comes of it, and it is removed.
//
// ErrUnsound, and those of package archive: the backup can't be used. Other errors are of this machine.
func Verify(ctx context.Context, from *archive.Reader, o VerifyOptions) (Verified, error) {
	m := from.Manifest()
	if m.Kind != archive.Full {
		return Verified{}, fmt.Errorf("%w: it holds entries of the log: only a full backup can be restored by itself", ErrUnsound)
	}
	temp, err := scratch.New(o.Dir, "verify")
	if err != nil {
		return Verified{}, fmt.Errorf("make a directory for the trial restore: %w", err)
	}
	defer temp.Remove() //nolint:errcheck // what stays is removed by the next
	path := filepath.Join(temp.Path(), "state.db")
	if err := from.UnpackThrough(ctx, path, o.Progress, func(body io.Reader) io.Reader { return store.Paced(ctx, body, o.Pace) }); err != nil {
		return Verified{}, err
	}
	hash, err := strconv.ParseUint(m.Hash, 16, 64)
	if err != nil {
		return Verified{}, fmt.Errorf("%w: hash %q in the manifest", ErrUnsound, m.Hash)
	}
	r, err := store.PrepareRestore(path, store.RestoreOptions{
		Logger: slog.New(slog.DiscardHandler), Now: o.Now, Hash: &hash,
		Restoration: func(machine *task.Machine, p store.Position) (task.Restoration, error) {
			if broken := machine.Check(1); len(broken) > 0 {
				return task.Restoration{}, fmt.Errorf("an invariant doesn't hold: %s", broken[0])
			}
			return task.Restoration{
				Now: o.Now().UnixMicro(), Index: p.Index, Timeline: machine.Timeline().ID + 1, Why: "trial restore",
			}, nil
		},
	})
	switch {
	case errors.Is(err, store.ErrNoSpace):
		return Verified{}, fmt.Errorf("the trial restore at %s: %w", temp.Path(), err)
	case err != nil:
		return Verified{}, fmt.Errorf("%w: %w", ErrUnsound, err)
	case r.Was.Index != m.Index || r.Was.Term != m.Term:
		return Verified{}, fmt.Errorf("%w: its state is of entry %d of term %d, by its manifest of %d of %d", ErrUnsound, r.Was.Index, r.Was.Term, m.Index, m.Term)
	case r.LiveTasks != m.LiveTasks || uint64(r.Queues) != m.Queues:
		return Verified{}, fmt.Errorf("%w: it has %s in %s, by its manifest %d in %d", ErrUnsound,
			render.Count(r.LiveTasks, "live task"), render.Count(r.Queues, "queue"), m.LiveTasks, m.Queues)
	}
	return Verified{
		Manifest: m, Hash: archive.HashText(r.Hash), LiveTasks: r.LiveTasks, Queues: uint64(r.Queues), Timeline: logarchive.TimelineName(r.Timeline.ID),
	}, nil
}

// VerifyStored reads the object of a backup back and holds it against the manifest as it was written: what lies at the
// destination is what was sent there. It needs no key, and is as fast as the pacer allows.
func VerifyStored(ctx context.Context, b bucket.Bucket, name string, m archive.Manifest, pace *store.Pacer) error {
	o, err := OpenAt(ctx, b, name, archive.Keys{})
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }() // only read
	if o.Manifest().Body != m.Body || o.Manifest().Index != m.Index {
		return fmt.Errorf("%w: %s isn't the backup that was written there", ErrUnsound, name)
	}
	return o.CheckBody(ctx, func(body io.Reader) io.Reader { return store.Paced(ctx, body, pace) })
}
