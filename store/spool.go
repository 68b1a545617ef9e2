package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rowlock/rowlock/store/writeback"
)

// Image is a copy of the state file as of one commit, for sending to another member or to a backup. A slow receiver
// holds up this copy, and not the pages of the state file as an open View would. It is an io.ReadCloser, and can be read once:
// what has been read is given back to the file system, so that what the kernel hasn't written to the disk by then never is.
type Image struct {
	file     *os.File
	size     int64
	position Position
	read     int64 // bytes
	given    int64 // of them, back to the file system
}

const (
	// giveBackStep is how much of an image is read before it is given back.
	giveBackStep = 8 << 20
	// unwrittenFor is how long what is written to a file stays in memory at least: Linux begins to write it to the disk after 30 s,
	// all at once.
	unwrittenFor = 25 * time.Second
)

// Image copies the state file as of the last commit. It needs as much space on the disk until it is closed.
//
// ErrNoSpace: there isn't that much.
func (s *Store) Image() (*Image, error) {
	v, err := s.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return s.ImageOf(context.Background(), v, nil)
}

// ImageOf copies the state file as of a view, which stays the caller's, until ctx is done, and as fast as the pacer allows.
//
// ErrNoSpace: the disk hasn't so much space.
func (s *Store) ImageOf(ctx context.Context, v *View, p *Pacer) (*Image, error) {
	f, err := s.CreateImage()
	if err != nil {
		return nil, err
	}
	// Without a name it ends with the process.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n, err := copyView(ctx, &spoolWriter{file: f, early: p.atLeast(unwrittenFor)}, v, p)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Image{file: f, size: n, position: v.Position()}, nil
}

// ImageFile copies the state file as of a view, which stays the caller's, to a file of CreateImage, until ctx is done, and as fast as
// the pacer allows. After an error there is no file.
//
// ErrNoSpace: the disk hasn't so much space.
func (s *Store) ImageFile(ctx context.Context, v *View, p *Pacer) (path string, err error) {
	f, err := s.CreateImage()
	if err != nil {
		return "", err
	}
	_, err = copyView(ctx, &spoolWriter{file: f, early: p.atLeast(unwrittenFor)}, v, p)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func copyView(ctx context.Context, to io.Writer, v *View, p *Pacer) (int64, error) {
	n, err := v.WriteTo(&pacedWriter{ctx: ctx, to: to, pace: p, speed: spoolSpeed})
	if err != nil {
		err = fmt.Errorf("copy state file: %w", noSpace(err))
	}
	return n, err
}

// spoolWriter writes a copy that is read from its beginning on. What will have been read before the kernel begins to write it
// to the disk stays in memory; what comes behind goes there little by little.
type spoolWriter struct {
	file  *os.File
	early int64 // bytes that will have been read
	rest  *writeback.Writer
	n     int64
}

func (s *spoolWriter) Write(b []byte) (n int, err error) {
	switch {
	case s.n < s.early:
		n, err = s.file.Write(b)
	default:
		if s.rest == nil {
			s.rest = writeback.New(s.file, s.n)
		}
		n, err = s.rest.Write(b)
	}
	s.n += int64(n)
	return n, err
}

// Size is the image's exact size in bytes.
func (i *Image) Size() int64 { return i.size }

// Position is the commit's.
func (i *Image) Position() Position { return i.position }

// Read reads on.
func (i *Image) Read(b []byte) (int, error) {
	n, err := i.file.Read(b)
	if i.read += int64(n); i.read-i.given >= giveBackStep {
		giveBack(i.file, i.given, i.read)
		i.given = i.read
	}
	return n, err
}

// Close gives the space back.
func (i *Image) Close() error { return i.file.Close() }
