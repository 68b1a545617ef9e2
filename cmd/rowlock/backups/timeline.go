package backups

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/store/scratch"
	"github.com/rowlock/rowlock/task"
)

// Replay is a part of a timeline that a trial replay went through: from a full backup to the end of the log behind it, or to where
// that can't be gone on from. Every moment in it can be restored.
type Replay struct {
	Full     logarchive.Full // that it began with
	From, To logarchive.Point
	Entries  uint64 // executed
	Fulls    int    // other full backups on the way, whose state hash is the replayed state's
	Compared uint64 // the last entry after which the state is known to be what a majority of the members had; 0: the log doesn't tell
	Hash     string // of the state at To; empty: the entry behind it couldn't be executed
	// LiveTasks are those at To.
	LiveTasks uint64
	// Missing is how many entries between the part before and this one can't be had: no moment there can be restored.
	Missing uint64
	// Problem says what is wrong with the full backup, or with what follows To; nil: nothing follows.
	Problem error
}

// Timeline is what a trial replay of a timeline found.
type Timeline struct {
	ClusterID, Name string
	Replays         []Replay // at least one, by index
}

// Err is what keeps a moment behind the first full backup from being restored; nil: every moment can be. It is an ErrUnsound.
func (t *Timeline) Err() error {
	var errs []error
	for _, r := range t.Replays {
		if r.Missing > 0 {
			errs = append(errs, fmt.Errorf("%w: %d to %d", logarchive.ErrGap, r.From.Index-r.Missing+1, r.From.Index))
		}
		if r.Problem != nil {
			errs = append(errs, r.Problem)
		}
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnsound, errors.Join(errs...))
}

// End is the last moment that can be restored; false: none can be.
func (t *Timeline) End() (logarchive.Point, bool) {
	for i := len(t.Replays) - 1; i >= 0; i-- {
		if to := t.Replays[i].To; to.Index > 0 {
			return to, true
		}
	}
	return logarchive.Point{}, false
}

// LogOptions say which timeline is verified, and how.
type LogOptions struct {
	// ClusterID is required where the destination has archives of more than one cluster; Timeline, 16 hex digits, empty: the newest.
	ClusterID, Timeline string
	// From is the full backup to begin with, by its object's name; empty: the oldest of the timeline.
	From string
	Keys archive.Keys
	// Dir is where the states are made; see VerifyOptions.
	Dir string
	// Unpacking is told how many bytes of a full backup have been read, and Replaying which entry has been executed, of those up to
	// the last. May be nil.
	Unpacking func(done, total int64)
	Replaying func(index, last uint64)
}

// VerifyLog proves that every moment of a timeline can be restored: it makes the state of a full backup in a temporary directory and
// executes the log behind it, up to its end. All archives are read and verified, the hashes in the log and of the full backups on the
// way are compared with the state's, and at the end all invariants are checked. Where it can't go on, it begins anew with the
// next full backup. What it finds is in the Timeline, not in the error.
//
// ErrNone, logarchive.ErrNotCovered: there is no such full backup. Other errors are of this machine, or of the way to the destination.
func VerifyLog(ctx context.Context, b bucket.Bucket, o LogOptions) (*Timeline, error) {
	lines, err := logarchive.Request{ClusterID: o.ClusterID, Timeline: o.Timeline}.Lines(ctx, b)
	if err != nil {
		return nil, err
	}
	line := &lines[len(lines)-1]
	at := 0
	if o.From != "" {
		if line, at = findFull(lines, o.From); line == nil {
			return nil, fmt.Errorf("%w: %s isn't a full backup of that timeline at %s", ErrNone, o.From, b)
		}
	}
	temp, err := scratch.New(o.Dir, "verify")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the trial replay: %w", err)
	}
	defer temp.Remove() //nolint:errcheck // what stays is removed by the next
	t := &Timeline{ClusterID: line.ClusterID, Name: line.Timeline}
	var reached uint64
	for at < len(line.Fulls) {
		r, err := replay(ctx, b, line, at, filepath.Join(temp.Path(), fmt.Sprint(at)), o)
		if err != nil {
			return nil, err
		}
		if n := len(t.Replays); n > 0 && reached > 0 {
			r.Missing = r.From.Index - reached
			if errors.Is(t.Replays[n-1].Problem, logarchive.ErrGap) {
				t.Replays[n-1].Problem = nil // it is the same
			}
		}
		t.Replays = append(t.Replays, r)
		reached = max(reached, r.To.Index)
		for at++; at < len(line.Fulls) && line.Fulls[at].Index <= reached; {
			at++
		}
	}
	return t, nil
}

func findFull(lines []logarchive.Line, name string) (*logarchive.Line, int) {
	for i := range lines {
		for k, f := range lines[i].Fulls {
			if f.Name == name {
				return &lines[i], k
			}
		}
	}
	return nil, 0
}

// replay goes from one full backup of a line as far as it can.
func replay(ctx context.Context, b bucket.Bucket, line *logarchive.Line, at int, dir string, o LogOptions) (Replay, error) {
	full := line.Fulls[at]
	r := Replay{Full: full, From: logarchive.Point{Index: full.Index}}
	m, err := logarchive.ReadManifest(ctx, b, full.Name, o.Keys)
	if err == nil && m.Name().String() != full.Name {
		err = fmt.Errorf("%s: %w: by its manifest it is %s", full.Name, archive.ErrDamaged, m.Name())
	}
	if err != nil {
		r.Problem = err
		return r, archivesFault(err)
	}
	r.From.Time = m.StateTime
	hashes := map[uint64]string{}
	for _, f := range line.Fulls[at+1:] {
		if other, err := logarchive.ReadManifest(ctx, b, f.Name, o.Keys); err == nil { // else it is told when it is needed
			hashes[f.Index] = other.Hash
		}
	}
	last, _ := line.Reach(full.Index)
	made, err := raftfsm.Replay(ctx, raftfsm.ReplayConfig{
		Plan:   logarchive.Plan{Full: full, Manifest: m, Segments: line.Behind(full.Index)},
		Bucket: b, Keys: o.Keys, Dir: dir, Hashes: hashes, Check: true, Unpacking: o.Unpacking, Logger: slog.New(slog.DiscardHandler),
		Progress: func(index uint64) {
			if o.Replaying != nil {
				o.Replaying(index, last)
			}
		},
	})
	if removed := os.RemoveAll(dir); removed != nil {
		return r, removed
	}
	if p := made.Position; p.Index > 0 {
		r.To = logarchive.Point{Index: p.Index, Time: made.StateTime}
		r.Entries, r.Compared, r.LiveTasks = made.Entries, made.Verified, made.LiveTasks
		if made.Hash != 0 {
			r.Hash = archive.HashText(made.Hash)
		}
		for index := range hashes {
			if index <= p.Index {
				r.Fulls++
			}
		}
	}
	if err == nil || errors.Is(err, raftfsm.ErrTimelineEnds) {
		return r, nil
	}
	r.Problem = err
	return r, archivesFault(err)
}

// archivesFault is nil for an error that speaks against archives, and for any other, such as a key that isn't here, the error itself.
func archivesFault(err error) error {
	if Refused(err) && !errors.Is(err, archive.ErrKey) {
		return nil
	}
	for _, fault := range []error{
		logarchive.ErrGap, logarchive.ErrDiverged, logarchive.ErrCorrupt, raftfsm.ErrReplay, store.ErrCorrupt, store.ErrFormat, task.ErrNewerLevel,
	} {
		if errors.Is(err, fault) {
			return nil
		}
	}
	return err
}
