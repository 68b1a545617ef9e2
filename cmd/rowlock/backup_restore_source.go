package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/store/scratch"
	"github.com/rowlock/rowlock/task"
)

// restoreSourceFlags say which state of which backup.
type restoreSourceFlags struct {
	from, cluster, timeline, toTime, tempDir string
	toIndex                                  uint64
	keys                                     readFlags
}

func (f *restoreSourceFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "archive to restore, or destination of backups: a file, a directory, file:///dir or s3://bucket/prefix")
	flags.StringVar(&f.toTime, "to-time", "", "restore what the last entry up to this time left, RFC 3339 (2026-05-04T10:15:00Z)")
	flags.Uint64Var(&f.toIndex, "to-index", 0, "restore the state right after this entry of the log")
	flags.StringVar(&f.timeline, "timeline", "", "of which timeline, 16 hexadecimal digits (default: the newest that had begun by then)")
	flags.StringVar(&f.cluster, "cluster-id", "", "whose backups, where the destination has those of more than one cluster")
	flags.StringVar(&f.tempDir, "temp-dir", "", "where the state is made before it is restored: twice its size (default: the system's directory for temporary files)")
	f.keys.add(flags, "")
	settings(flags, "from")
}

// stagedState is the state to restore, in a file here.
type stagedState struct {
	dir, path string
	remove    func() error // the directory
	name      string       // of the backup
	cluster   string
	hash      uint64
	time      time.Time
	endOf     string // the timeline whose end it is, behind which a restore began another; empty: it isn't one's
	show      phases
}

// stage makes the state that the flags ask for in a temporary directory, which the caller removes.
func (f *restoreSourceFlags) stage(ctx context.Context, p *program, logger *slog.Logger) (s *stagedState, err error) {
	target, err := f.target()
	if err != nil {
		return nil, err
	}
	keys, err := f.keys.keys()
	if err != nil {
		return nil, err
	}
	b, name, err := f.one(ctx)
	if err != nil {
		return nil, err
	}
	s = &stagedState{show: phases{p: p, unit: "B"}}
	defer s.show.stop()
	temp, err := scratch.New(f.tempDir, "restore")
	if err != nil {
		return nil, err
	}
	s.dir, s.remove = temp.Path(), temp.Remove
	switch {
	case name == "":
		err = s.replay(ctx, b, f, target, keys, logger)
	case target != (logarchive.Target{}):
		err = usagef("--from %s is one archive: --to-time and --to-index need the destination, which has the log too", f.from)
	default:
		err = s.unpack(ctx, b, name, f.from, keys)
	}
	if err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// one is where to look, and there the archive that --from names; empty: it names a destination.
func (f *restoreSourceFlags) one(ctx context.Context) (b bucket.Bucket, name string, err error) {
	if info, statErr := os.Stat(f.from); statErr == nil && info.Mode().IsRegular() { // whatever it is called
		b, err = bucket.Open(ctx, filepath.Dir(f.from))
		name = filepath.Base(f.from)
	} else {
		b, name, err = backups.Target(ctx, f.from)
	}
	if err != nil {
		err = usagef("--from %s: %s", f.from, err)
	}
	return b, name, err
}

// target is the moment to restore.
func (f *restoreSourceFlags) target() (t logarchive.Target, err error) {
	switch {
	case f.from == "":
		return t, usagef("say with --from which backup to restore: an archive, or the destination of backups")
	case f.toTime != "" && f.toIndex != 0:
		return t, usagef("--to-time and --to-index exclude each other")
	case f.toTime != "":
		if t.Time, err = time.Parse(time.RFC3339Nano, f.toTime); err != nil {
			return t, usagef("--to-time %q: want RFC 3339, such as 2026-05-04T10:15:00Z", f.toTime)
		}
	}
	t.Index = f.toIndex
	return t, nil
}

// unpack takes one archive.
func (s *stagedState) unpack(ctx context.Context, b bucket.Bucket, name, path string, keys archive.Keys) error {
	a, err := backups.OpenAt(ctx, b, name, keys)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }() // only read
	m := a.Manifest()
	if m.Kind != archive.Full {
		return usagef("%s holds a part of the log: give a full backup, or the destination that has both", path)
	}
	s.name, s.cluster, s.time, s.path = path, m.ClusterID, m.StateTime, filepath.Join(s.dir, "state.db")
	if s.hash, err = strconv.ParseUint(m.Hash, 16, 64); err != nil {
		return fmt.Errorf("%s: its manifest has no state hash", path)
	}
	if err := a.Unpack(ctx, s.path, s.unpacking); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (s *stagedState) unpacking(done, total int64) { s.show.show("reading the backup", done, total) }

// replay makes the state of a full backup and the log behind it.
func (s *stagedState) replay(ctx context.Context, b bucket.Bucket, f *restoreSourceFlags, target logarchive.Target, keys archive.Keys, logger *slog.Logger) error {
	plan, err := logarchive.MakePlan(ctx, b, logarchive.Request{ClusterID: f.cluster, Timeline: f.timeline, Target: target}, keys)
	if err != nil {
		if errors.Is(err, logarchive.ErrNotCovered) {
			return &exitError{code: exitNotFound, text: err.Error()}
		}
		return err
	}
	made, err := raftfsm.Replay(ctx, raftfsm.ReplayConfig{
		Plan: plan, Bucket: b, Keys: keys, Dir: filepath.Join(s.dir, "replay"), Logger: logger, Unpacking: s.unpacking,
	})
	if err != nil {
		return err
	}
	s.path, s.hash, s.time = made.Path, made.Hash, made.StateTime
	s.cluster, s.name = plan.Full.ClusterID, plan.Full.Name
	if err := s.noteEnd(ctx, b, plan, made); err != nil {
		return err
	}
	if made.Entries > 0 {
		s.name = fmt.Sprintf("%s and %s of the log behind it", s.name, render.Count(made.Entries, "entry"))
	}
	return nil
}

// fetch copies the state file.
func (s *stagedState) fetch(to *os.File) error {
	from, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// try proves the state by a trial: a copy is verified, loaded and prepared as a restore does.
func (s *stagedState) try(now time.Time, logger *slog.Logger) (r store.Restored, err error) {
	trial := filepath.Join(s.dir, "trial.db")
	from, err := os.Open(s.path)
	if err != nil {
		return r, err
	}
	if err := errors.Join(writeFile(trial, from), from.Close()); err != nil {
		return r, err
	}
	r, err = store.PrepareRestore(trial, store.RestoreOptions{
		Logger: logger, Now: time.Now, Hash: &s.hash,
		Restoration: func(_ *task.Machine, p store.Position) (task.Restoration, error) {
			return task.Restoration{Now: now.UnixMicro(), Index: p.Index}, nil
		},
	})
	return r, errors.Join(err, os.Remove(trial))
}

func writeFile(path string, from io.Reader) error {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// restoreError gives what a restore refuses an exit code.
func restoreError(err error) error {
	for _, refused := range []error{store.ErrNotEmpty, store.ErrLocked, raftfsm.ErrRefused, task.ErrNewerLevel, raftfsm.ErrLevel} {
		if errors.Is(err, refused) {
			return &exitError{code: exitRefused, text: err.Error()}
		}
	}
	return err
}
