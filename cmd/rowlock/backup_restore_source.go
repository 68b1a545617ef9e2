package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// restoreSourceFlags say which state of which backup.
type restoreSourceFlags struct {
	from, cluster string
	keys          archiveKeyFlags
}

func (f *restoreSourceFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "archive to restore, or destination of backups: a file, a directory, file:///dir or s3://bucket/prefix")
	flags.StringVar(&f.cluster, "cluster-id", "", "whose backups, where the destination has those of more than one cluster")
	f.keys.add(flags)
	settings(flags, "from")
}

// restoreSource is a backup whose manifest has been read.
type restoreSource struct {
	name     string
	manifest archive.Manifest
	object   bucket.Object
	archive  *archive.Reader
}

// open finds the backup and reads its manifest.
func (f *restoreSourceFlags) open(ctx context.Context) (*restoreSource, error) {
	if f.from == "" {
		return nil, usagef("say with --from which backup to restore: an archive, or the destination of backups")
	}
	keys, err := f.keys.keys()
	if err != nil {
		return nil, err
	}
	s := &restoreSource{name: f.from}
	if info, statErr := os.Stat(f.from); statErr == nil && info.Mode().IsRegular() {
		s.object, err = openFileObject(f.from)
	} else {
		s.name, s.object, err = f.newest(ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.archive, err = archive.Open(s.object, s.object.Size(), keys); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), s.object.Close())
	}
	if s.manifest = s.archive.Manifest(); s.manifest.Kind != archive.Full {
		return nil, errors.Join(usagef("%s holds a part of the log: give a full backup, or the destination that has both", s.name), s.object.Close())
	}
	return s, nil
}

// newest opens the newest full backup of a destination: of the last timeline, that which reaches furthest.
func (f *restoreSourceFlags) newest(ctx context.Context) (string, bucket.Object, error) {
	b, err := bucket.Open(ctx, f.from)
	if err != nil {
		return "", nil, usagef("--from %s: %s", f.from, err)
	}
	objects, err := b.List(ctx, "")
	if err != nil {
		return "", nil, err
	}
	var best archive.Name
	for _, o := range objects {
		n, ok := archive.ParseName(o.Name)
		if !ok || n.Kind != archive.Full || f.cluster != "" && n.ClusterID != f.cluster {
			continue
		}
		if best.ClusterID != "" && best.ClusterID != n.ClusterID {
			return "", nil, usagef("%s has backups of clusters %s and %s: say with --cluster-id of which", f.from, best.ClusterID, n.ClusterID)
		}
		if best.ClusterID == "" || n.Timeline > best.Timeline || n.Timeline == best.Timeline && n.Index > best.Index {
			best = n
		}
	}
	if best.ClusterID == "" {
		return "", nil, &exitError{code: exitNotFound, text: "no full backup at " + f.from}
	}
	o, err := b.Open(ctx, best.String())
	return best.String(), o, err
}

func (s *restoreSource) close() { _ = s.object.Close() } // it was only read

// fetch writes the state file.
func (s *restoreSource) fetch(to *os.File) error {
	body, err := s.archive.Body()
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	_, err = io.Copy(to, body)
	if err = errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// hash is the state hash that the manifest promises.
func (s *restoreSource) hash() (*uint64, error) {
	h, err := strconv.ParseUint(s.manifest.Hash, 16, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: its manifest has no state hash", s.name)
	}
	return &h, nil
}

// stage fetches the state file into a temporary file, and proves it by a trial: it is verified, loaded and prepared as a restore
// does.
func (s *restoreSource) stage(now time.Time, logger *slog.Logger) (path string, r store.Restored, err error) {
	f, err := os.CreateTemp("", "rowlock-restore")
	if err != nil {
		return "", r, err
	}
	if err := errors.Join(s.fetch(f), f.Close()); err != nil {
		return f.Name(), r, err
	}
	trial, err := copyFile(f.Name())
	if err != nil {
		return f.Name(), r, err
	}
	defer os.Remove(trial)
	hash, err := s.hash()
	if err != nil {
		return f.Name(), r, err
	}
	r, err = store.PrepareRestore(trial, store.RestoreOptions{
		Logger: logger, Now: time.Now, Hash: hash,
		Restoration: func(m *task.Machine, p store.Position) (task.Restoration, error) {
			return task.Restoration{Now: now.UnixMicro(), Index: p.Index}, nil
		},
	})
	return f.Name(), r, err
}

// copyFile copies a file beside itself.
func copyFile(path string) (string, error) {
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp("", "rowlock-trial")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return to.Name(), errors.Join(err, to.Close())
}

// fileObject is an archive in a file.
type fileObject struct {
	*os.File
	size int64
}

func openFileObject(path string) (bucket.Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return fileObject{f, info.Size()}, nil
}

// Size is the size of the file in bytes.
func (o fileObject) Size() int64 { return o.size }

// restoreError gives what a restore refuses an exit code.
func restoreError(err error) error {
	for _, refused := range []error{
		store.ErrNotEmpty, store.ErrLocked, raftfsm.ErrRefused, task.ErrNewerLevel, raftfsm.ErrLevel,
	} {
		if errors.Is(err, refused) {
			return &exitError{code: exitRefused, text: err.Error()}
		}
	}
	return err
}
