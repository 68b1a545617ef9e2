package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Image is a copy of the state file as of one commit, for sending to another member or to a backup. A slow receiver
// holds up this copy, and not the pages of the state file as an open View would. It is an io.ReadSeekCloser.
type Image struct {
	file     *os.File
	size     int64
	position Position
}

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
	n, err := copyView(ctx, f, v, p)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Image{file: f, size: n, position: v.Position()}, nil
}

// ImageFile copies the state file as of a view, which stays the caller's, to a file of CreateImage, until ctx is done. After an
// error there is no file.
//
// ErrNoSpace: the disk hasn't so much space.
func (s *Store) ImageFile(ctx context.Context, v *View) (path string, err error) {
	f, err := s.CreateImage()
	if err != nil {
		return "", err
	}
	_, err = copyView(ctx, f, v, nil)
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

// Size is the image's exact size in bytes.
func (i *Image) Size() int64 { return i.size }

// Position is the commit's.
func (i *Image) Position() Position { return i.position }

// Read reads on.
func (i *Image) Read(b []byte) (int, error) { return i.file.Read(b) }

// Seek moves to where the next Read begins.
func (i *Image) Seek(offset int64, whence int) (int64, error) { return i.file.Seek(offset, whence) }

// Close gives the space back.
func (i *Image) Close() error { return i.file.Close() }
