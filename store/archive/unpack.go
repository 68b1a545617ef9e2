package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rowlock/rowlock/store/writeback"
)

// ErrNoSpace means that what an archive holds doesn't fit where it was to be unpacked.
var ErrNoSpace = errors.New("no space left")

// Unpack writes the plain body to a file that must not exist yet, until ctx is done. progress is told how many of its bytes are
// written; nil: nobody is. After an error the file isn't there.
//
// ErrNoSpace: the disk is full. Those of Body: the archive can't be used. Any other error is one of reading or writing.
func (r *Reader) Unpack(ctx context.Context, path string, progress func(done, total int64)) error {
	return r.UnpackThrough(ctx, path, progress, func(body io.Reader) io.Reader { return body })
}

// UnpackThrough is Unpack where the body is read through what through makes of it, such as one that reads slowly. It goes to the
// disk little by little.
func (r *Reader) UnpackThrough(ctx context.Context, path string, progress func(done, total int64), through func(io.Reader) io.Reader) error {
	body, err := r.Body()
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("unpack archive: %w", err)
	}
	total := r.manifest.Body.PlainSize
	_, err = io.Copy(&unpacking{to: writeback.New(f, 0), ctx: ctx, progress: progress, total: total}, through(body))
	if err = errors.Join(err, f.Close()); err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		err = fmt.Errorf("%w: the %d bytes that the archive holds don't fit at %s: choose another directory with --temp-dir, or make room",
			ErrNoSpace, total, filepath.Dir(path))
	}
	return errors.Join(err, os.Remove(path))
}

// unpacking writes until its context is done, and tells how far it is.
type unpacking struct {
	to          io.Writer
	ctx         context.Context //nolint:containedctx // an io.Writer has no other way to get one
	progress    func(done, total int64)
	done, total int64
}

func (u *unpacking) Write(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.to.Write(b)
	u.done += int64(n)
	if u.progress != nil {
		u.progress(u.done, u.total)
	}
	return n, err
}
