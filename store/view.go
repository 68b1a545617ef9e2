package store

import (
	"fmt"
	"io"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// View is the state file as of one commit. While it is open, pages that later commits free can't be used again: close
// it soon. It isn't for concurrent use.
type View struct {
	handle   *handle
	tx       *bbolt.Tx
	position Position
	close    sync.Once
}

// View opens a view of the last commit.
func (s *Store) View() (*View, error) {
	h, err := s.use()
	if err != nil {
		return nil, err
	}
	v := &View{handle: h}
	err = guard(func() (err error) {
		if v.tx, err = h.db.Begin(false); err != nil {
			return err
		}
		v.position, err = decodePosition(v.tx.Bucket([]byte(bucketMeta)).Get(keyPosition))
		return err
	})
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("open view: %w", err)
	}
	return v, nil
}

// Close ends the view. Further calls do nothing.
func (v *View) Close() {
	v.close.Do(func() {
		if v.tx != nil {
			_ = v.tx.Rollback()
		}
		v.handle.release()
	})
}

// Position is the commit's.
func (v *View) Position() Position { return v.position }

// Payload returns a copy of a live task's payload.
//
// ErrNotFound: there is no such live task. ErrCorrupt: it isn't what was written.
func (v *View) Payload(id task.ID) (payload []byte, err error) {
	err = guard(func() error {
		payload, err = v.payload(id)
		return err
	})
	return payload, err
}

func (v *View) payload(id task.ID) ([]byte, error) {
	key := taskKey(id)
	b := v.tx.Bucket([]byte(bucketTask)).Get(key[:])
	if b == nil {
		return nil, fmt.Errorf("payload of task %s: %w", id, ErrNotFound)
	}
	t, err := decodeTaskValue(key[:], b)
	if err != nil {
		return nil, err
	}
	payload := t.payload
	if t.outside {
		framed := v.tx.Bucket([]byte(bucketPayload)).Get(key[:])
		if len(framed) != crcSize+t.payloadLen {
			return nil, corrupt(bucketPayload, key[:], "payload is missing or has another size")
		}
		payload = framed[crcSize:]
	}
	if err := checkPayload(bucketTask, key[:], payload, t.payloadCRC); err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(payload)), payload...), nil
}

// Payload returns a copy of a live task's payload as of the last commit; see View.Payload.
func (s *Store) Payload(id task.ID) ([]byte, error) {
	v, err := s.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.Payload(id)
}

// Size is the exact number of bytes that WriteTo writes.
func (v *View) Size() int64 { return v.tx.Size() }

// WriteTo writes the file as of the view's commit. It reads the file, not its mapping.
func (v *View) WriteTo(w io.Writer) (int64, error) {
	n, err := v.tx.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("stream state file: %w", err)
	}
	return n, nil
}
