package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// CreateImage makes an empty file in the data directory for an image that is being received. Open removes what is
// left of them.
func (s *Store) CreateImage() (*os.File, error) {
	f, err := os.CreateTemp(s.dir.Incoming(), "image")
	if err != nil {
		return nil, fmt.Errorf("create image: %w", noSpace(err))
	}
	return f, nil
}

// PrepareImage verifies all of a received image, every page and checksum, makes it durable, and returns its position.
// The file isn't changed.
func PrepareImage(path string) (Position, error) {
	db, pos, err := openState(path, &bbolt.Options{ReadOnly: true, Timeout: boltOptions(0).Timeout})
	if err != nil {
		return Position{}, err
	}
	err = guard(func() error { return db.View(verify) })
	if err = errors.Join(err, db.Close()); err != nil {
		return Position{}, fmt.Errorf("%s: %w", path, err)
	}
	return pos, syncPath(path)
}

// verify checks every checksum of a state file.
func verify(tx *bbolt.Tx) error {
	plain := []string{bucketMeta, bucketPayload, bucketHistoryMark, bucketHistoryDeleted}
	for _, k := range task.Kinds {
		plain = append(plain, bucketOf(k))
	}
	for _, name := range plain {
		bucket := tx.Bucket([]byte(name))
		if bucket == nil { // of a kind of which nothing has been written yet
			continue
		}
		err := bucket.ForEach(func(k, v []byte) error {
			_, err := unframe(name, k, v)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := tx.Bucket([]byte(bucketTask)).ForEach(func(k, b []byte) error { return verifyTask(tx, k, b) }); err != nil {
		return err
	}
	if err := tx.Bucket([]byte(bucketHistory)).ForEach(verifyChunk); err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketHistoryID)).ForEach(func(k, b []byte) error {
		_, err := decodeIndex(k, b)
		return err
	})
}

func verifyTask(tx *bbolt.Tx, k, b []byte) error {
	t, err := decodeTaskValue(k, b)
	if err != nil {
		return err
	}
	payload := t.payload
	if t.outside {
		framed := tx.Bucket([]byte(bucketPayload)).Get(k)
		if len(framed) != crcSize+t.payloadLen {
			return corrupt(bucketPayload, k, "payload is missing or has another size")
		}
		payload = framed[crcSize:]
	}
	return checkPayload(bucketTask, k, payload, t.payloadCRC)
}

func verifyChunk(k, b []byte) error {
	c, err := decodeChunk(k, b)
	if err != nil {
		return err
	}
	for i := range c.count() {
		if _, err := c.payload(i); err != nil {
			return err
		}
	}
	return nil
}

// Replace puts a prepared image in the state file's place. It is atomic: before the rename a crash leaves the old
// state, after it the new one, whole. Views of the old state stay valid and keep its file until they are closed.
//
// An error from before the rename leaves the store as it was. After any other, Commit fails: the process must exit.
func (s *Store) Replace(path string) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if _, err := s.current(); err != nil {
		return err
	}
	defer s.options.Watchdog.Start("replace state file")()
	h, pos, trims, err := s.openFile(path)
	if err != nil {
		return fmt.Errorf("replace state file: %w", err)
	}
	if err := syncPath(path); err != nil {
		h.retire()
		return fmt.Errorf("replace state file: %w", err)
	}
	if err := os.Rename(path, s.dir.State()); err != nil {
		h.retire()
		return fmt.Errorf("replace state file: %w", err)
	}
	s.trims = trims
	s.mu.Lock()
	s.handle.retire()
	s.handle, s.position = h, pos
	s.mu.Unlock()
	if err := syncPath(filepath.Dir(s.dir.State())); err != nil {
		s.failed = fmt.Errorf("replace state file: %w", err)
		return s.failed
	}
	return nil
}
