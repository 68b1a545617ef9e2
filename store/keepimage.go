package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// ErrNoImage means that there is no such prepared state file.
var ErrNoImage = errors.New("no such image")

// imageName is the file name of an image with a digest.
func imageName(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:]) + ".db" }

// ReceiveImage reads a state file of a known size and digest into a file of CreateImage, and makes it durable. Nothing is left
// after an error. ErrCorrupt: other bytes came. ErrNoSpace: the disk is full.
func (s *Store) ReceiveImage(sum [sha256.Size]byte, size uint64, from io.Reader) (path string, err error) {
	f, err := s.CreateImage()
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(from, int64(min(size, math.MaxInt64-1))+1))
	switch {
	case err != nil:
	case uint64(n) != size:
		err = fmt.Errorf("%w: %d bytes of the state file came, %d were announced", ErrCorrupt, n, size)
	case [sha256.Size]byte(h.Sum(nil)) != sum:
		err = fmt.Errorf("%w: the state file that came isn't the one that was announced: its SHA-256 is %x, not %x", ErrCorrupt, h.Sum(nil), sum)
	default:
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("receive state file: %w", noSpace(err))
	}
	return f.Name(), nil
}

// AdoptImage keeps a file of CreateImage, which is durable and has the digest.
func (s *Store) AdoptImage(sum [sha256.Size]byte, path string) error {
	if err := os.MkdirAll(s.dir.Images(), 0o700); err != nil {
		return fmt.Errorf("keep image: %w", noSpace(err))
	}
	if err := syncPath(string(s.dir)); err != nil {
		return err
	}
	return moveDurably(path, filepath.Join(s.dir.Images(), imageName(sum)))
}

// KeptImage is the path of an image. ErrNoImage: there is none.
func (s *Store) KeptImage(sum [sha256.Size]byte) (string, error) {
	path := filepath.Join(s.dir.Images(), imageName(sum))
	there, err := exists(path)
	if err == nil && !there {
		err = fmt.Errorf("%w: %s", ErrNoImage, path)
	}
	return path, err
}

// DropImages removes all images: no entry that is yet to be executed names one.
func (s *Store) DropImages() error {
	if err := os.RemoveAll(s.dir.Images()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove images: %w", err)
	}
	return nil
}
