package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// archiveSource is one archive that is read: a file, an object of a bucket, or the newest full backup of a directory or bucket.
type archiveSource struct {
	*archive.Reader
	io.Closer
	name string // for people
}

// openArchive finds an archive and checks its manifest.
func openArchive(ctx context.Context, from string, keys archive.Keys) (*archiveSource, error) {
	object, name, err := findArchive(ctx, from)
	if err != nil {
		return nil, archiveError(from, err)
	}
	r, err := archive.Open(object, object.Size(), keys)
	if err != nil {
		return nil, errors.Join(archiveError(name, err), object.Close())
	}
	return &archiveSource{Reader: r, Closer: object, name: name}, nil
}

// archiveError names the archive, and says what the exit code follows from.
func archiveError(name string, err error) error {
	switch {
	case errors.Is(err, bucket.ErrAddress):
		return usagef("--from: %s", err)
	case errors.Is(err, bucket.ErrNotFound):
		return &exitError{code: exitNotFound, text: fmt.Sprintf("--from %s: %s", name, err)}
	case errors.Is(err, archive.ErrKey), errors.Is(err, archive.ErrSignature), errors.Is(err, archive.ErrFormat),
		errors.Is(err, archive.ErrDamaged), errors.Is(err, archive.ErrTruncated), errors.Is(err, bucket.ErrRefused):
		return &exitError{code: exitRefused, text: fmt.Sprintf("%s: %s", name, err)}
	}
	return fmt.Errorf("%s: %w", name, err)
}

func findArchive(ctx context.Context, from string) (object bucket.Object, name string, err error) {
	if info, err := os.Stat(from); err == nil && info.Mode().IsRegular() {
		f, err := os.Open(from)
		return &localArchive{f, info.Size()}, from, err
	}
	address, name := splitArchive(from)
	b, err := bucket.Open(ctx, address)
	if err != nil {
		return nil, "", err
	}
	if name == "" {
		if name, err = newestFull(ctx, b); err != nil {
			return nil, "", err
		}
	}
	object, err = b.Open(ctx, name)
	return object, strings.TrimSuffix(b.String(), "/") + "/" + name, err
}

// localArchive is a file that is an archive.
type localArchive struct {
	*os.File
	size int64
}

// Size is the file's, in bytes.
func (l *localArchive) Size() int64 { return l.size }

// splitArchive tells an archive's address from that of the bucket that it lies in; the name is empty for a bucket's.
func splitArchive(from string) (address, name string) {
	if u, err := url.Parse(from); err == nil && u.Scheme != "" && u.Host+u.Path != "" {
		if !strings.HasSuffix(u.Path, archive.Suffix) {
			return from, ""
		}
		u.Path, name = path.Split(u.Path)
		return u.String(), name
	}
	if !strings.HasSuffix(from, archive.Suffix) {
		return from, ""
	}
	dir, name := path.Split(from)
	return cmp.Or(dir, "."), name
}

// newestFull is the newest full backup of a bucket, which must be of one cluster.
func newestFull(ctx context.Context, b bucket.Bucket) (string, error) {
	infos, err := b.List(ctx, "")
	if err != nil {
		return "", err
	}
	newest := map[string]archive.Name{}
	for _, info := range infos {
		if n, ok := archive.ParseName(info.Name); ok && n.Kind == archive.Full {
			if last := newest[n.ClusterID]; last.String() < n.String() || last.ClusterID == "" {
				newest[n.ClusterID] = n
			}
		}
	}
	switch len(newest) {
	case 0:
		return "", fmt.Errorf("%w: there is no full backup", bucket.ErrNotFound)
	case 1:
		for _, n := range newest {
			return n.String(), nil
		}
	}
	var names []string
	for _, n := range newest {
		names = append(names, n.String())
	}
	slices.Sort(names)
	return "", usagef("--from: there are backups of several clusters: name one, such as the newest ones %s", strings.Join(names, ", "))
}
