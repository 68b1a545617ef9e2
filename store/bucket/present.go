package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// Present fails with ErrMissing where there is no such directory.
func (d *directory) Present(context.Context) error {
	info, err := os.Stat(d.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no directory %s", ErrMissing, d.root)
	case err != nil:
		return fmt.Errorf("look at the destination: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is a file, not a directory", ErrMissing, d.root)
	}
	return nil
}

// Probe makes the directory, and a file in it that is removed again.
func (d *directory) Probe(context.Context) error {
	if err := makeDirs(d.root); err != nil {
		return d.unwritable(err)
	}
	f, err := os.CreateTemp(d.root, unfinished)
	if err != nil {
		return d.unwritable(err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// unwritable tells what only an operator can mend from what may pass, such as a full disk.
func (d *directory) unwritable(err error) error {
	for _, lasting := range []error{fs.ErrPermission, syscall.ENOTDIR, syscall.EROFS} {
		if errors.Is(err, lasting) {
			return fmt.Errorf("%w: %s can't be written (%w): give the server's user the right to, or choose another directory", ErrRefused, d.root, err)
		}
	}
	return fmt.Errorf("%s can't be written: %w", d.root, noSpace(err))
}

// Present fails with ErrMissing where there is no such bucket, or no object under the prefix: a prefix is nothing by itself.
func (s *s3) Present(ctx context.Context) error {
	any, err := s.hasAny(ctx)
	if err == nil && !any && s.prefix != "" {
		return fmt.Errorf("%w: bucket %s has no object under %s", ErrMissing, s.bucket, s.prefix)
	}
	return err
}

// Probe lists: whether an object can be written too shows only when one is.
func (s *s3) Probe(ctx context.Context) error {
	_, err := s.hasAny(ctx)
	return err
}

// hasAny reports whether there is an object under the prefix.
func (s *s3) hasAny(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // it ends the listing behind the first
	first, any := <-s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true, MaxKeys: 1})
	switch {
	case any && first.Err != nil:
		return false, s.explain("list", "", first.Err)
	case any:
		return true, nil
	}
	return false, ctx.Err()
}
