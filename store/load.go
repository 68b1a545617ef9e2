package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// Load builds the machine from the file. Payloads stay on disk, and are verified when they are read.
func (s *Store) Load() (*task.Machine, Position, error) {
	v, err := s.View()
	if err != nil {
		return nil, Position{}, err
	}
	defer v.Close()
	l := task.NewLoader()
	if err := v.load(l); err != nil {
		return nil, Position{}, fmt.Errorf("load %s: %w", s.dir.State(), err)
	}
	m, err := l.Machine()
	if err != nil {
		return nil, Position{}, fmt.Errorf("load %s: %w", s.dir.State(), err)
	}
	return m, v.position, nil
}

// loader is what takes the records: a task.Loader. The slices are valid during the call only.
type loader interface {
	Record(k task.Kind, key, value []byte) error
	Task(id task.ID, record []byte, payloadLen int) error
}

// load streams all live records, in the order that task.Loader asks for.
func (v *View) load(l loader) error {
	for _, kind := range task.Kinds {
		bucket := bucketOf(kind)
		err := v.each(bucket, func(k, framed []byte) error {
			value, err := unframe(bucket, k, framed)
			if err != nil {
				return err
			}
			if len(k) == 0 || k[0] != byte(kind) {
				return corrupt(bucket, k, "key of another kind")
			}
			return l.Record(kind, k[1:], value)
		})
		if err != nil {
			return err
		}
	}
	return v.each(bucketTask, func(k, b []byte) error {
		if len(k) != 8 {
			return corrupt(bucketTask, k, "key isn't a task's")
		}
		t, err := decodeTaskValue(k, b)
		if err != nil {
			return err
		}
		return l.Task(task.ID(binary.BigEndian.Uint64(k)), t.record, t.payloadLen)
	})
}

// each walks a bucket in the order of its keys. A panic of fn passes, one of bbolt becomes ErrCorrupt.
func (v *View) each(bucket string, fn func(k, value []byte) error) error {
	var k, value []byte
	var c *bbolt.Cursor
	move := func() error {
		if c == nil {
			c = v.tx.Bucket([]byte(bucket)).Cursor()
			k, value = c.First()
		} else {
			k, value = c.Next()
		}
		return nil
	}
	for {
		if err := guard(move); err != nil || k == nil {
			return err
		}
		if err := fn(k, value); err != nil {
			return err
		}
	}
}
