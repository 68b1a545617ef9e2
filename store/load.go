package store

import (
	"cmp"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// Load builds the machine from the file. Payloads stay on disk, and are verified when they are read. task.ErrNewerLevel: the
// file is a newer version's.
func (s *Store) Load() (*task.Machine, Position, error) {
	v, err := s.View()
	if err != nil {
		return nil, Position{}, err
	}
	defer v.Close()
	m, err := v.Machine(cmp.Or(s.options.SupportedLevel, task.SupportedLevel))
	if err != nil {
		return nil, Position{}, fmt.Errorf("load %s: %w", s.dir.State(), err)
	}
	return m, v.position, nil
}

// Machine builds the machine from the view. Payloads stay on disk, and are verified when they are read.
//
// task.ErrNewerLevel: the state is at a higher feature level than supported.
func (v *View) Machine(supported uint32) (*task.Machine, error) {
	l := task.NewLoader(supported)
	if err := v.load(l); err != nil {
		return nil, err
	}
	return l.Machine()
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
		var key, value []byte
		decode := func(k, framed []byte) (err error) {
			if len(k) == 0 || k[0] != byte(kind) {
				return corrupt(bucket, k, "key of another kind")
			}
			key = k[1:]
			value, err = unframe(bucket, k, framed)
			return err
		}
		if err := v.each(bucket, decode, func() error { return l.Record(kind, key, value) }); err != nil {
			return err
		}
	}
	var id task.ID
	var t taskValue
	decode := func(k, b []byte) (err error) {
		if len(k) != 8 {
			return corrupt(bucketTask, k, "key isn't a task's")
		}
		id = taskID(k)
		t, err = decodeTaskValue(k, b)
		return err
	}
	return v.each(bucketTask, decode, func() error { return l.Task(id, t.record, t.payloadLen) })
}

// each walks a bucket in the order of its keys. decode reads and verifies a record under guard; take, which is code of
// others, then uses it outside of it.
func (v *View) each(bucket string, decode func(k, value []byte) error, take func() error) error {
	var c *bbolt.Cursor
	var k, value []byte
	step := func() error {
		if c == nil {
			b := v.tx.Bucket([]byte(bucket))
			if b == nil { // of a kind of which nothing has been written yet
				return nil
			}
			c = b.Cursor()
			k, value = c.First()
		} else {
			k, value = c.Next()
		}
		if k == nil {
			return nil
		}
		return decode(k, value)
	}
	for {
		if err := guard(step); err != nil || k == nil {
			return err
		}
		if err := take(); err != nil {
			return err
		}
	}
}
