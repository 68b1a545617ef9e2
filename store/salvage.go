package store

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// salvaging copies the records of a damaged state file whose checksums are right. It reads the file's pages itself: bbolt trusts
// them.
type salvaging struct {
	repair *repair
	tx     *bbolt.Tx
	bytes  int // since the last commit
}

// salvage copies what can be read. The position and the counters must be among it.
func (r *repair) salvage() (err error) {
	f, err := os.Open(r.dir.State())
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrBeyondRepair, err)
	}
	defer f.Close()
	s := &salvaging{repair: r}
	if s.tx, err = r.fresh.Begin(true); err != nil {
		return err
	}
	defer func() { _ = s.tx.Rollback() }()
	for _, name := range append(baseBuckets(), bucketMeta) {
		if _, err := s.tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	c := pageChecker{file: f, visitor: s, lost: func(bucket string, err error) {
		r.note("a part of bucket %q can't be read: %s", bucket, err)
	}}
	if err := c.check(); err != nil {
		return fmt.Errorf("%w (%w)", ErrBeyondRepair, err)
	}
	meta := s.tx.Bucket([]byte(bucketMeta))
	if r.position, err = decodePosition(meta.Get(keyPosition)); err != nil {
		return fmt.Errorf("%w (%w)", ErrBeyondRepair, err)
	}
	if err := meta.Put(keyFormat, frame(&arena{}, keyFormat, []byte{formatVersion})); err != nil {
		return err
	}
	return s.tx.Commit()
}

func (s *salvaging) bucket(name string) (int, error) {
	if name != bucketMeta && !slices.Contains(dataBuckets(), name) {
		return 0, fmt.Errorf("%w: unknown bucket %q", ErrCorrupt, name)
	}
	_, err := s.tx.CreateBucketIfNotExists([]byte(name))
	return math.MaxInt32, err
}

// salvageStep is how many bytes one transaction copies.
const salvageStep = 8 << 20

func (s *salvaging) leaf(bucket string, key, value []byte, _ int) error {
	if bucket == bucketHistoryID { // made anew
		return nil
	}
	ids, err := soundAlone(bucket, key, value)
	if err != nil {
		return s.repair.quarantine.put(Quarantined{
			Bucket: bucket, Key: slices.Clone(key), Value: slices.Clone(value), Tasks: ids, Why: err.Error(),
		})
	}
	b := s.tx.Bucket([]byte(bucket))
	b.FillPercent = appendFill
	if err := b.Put(key, slices.Clone(value)); err != nil {
		return err
	}
	if s.bytes += len(key) + len(value); s.bytes < salvageStep {
		return nil
	}
	s.bytes = 0
	if err := s.tx.Commit(); err != nil {
		return err
	}
	s.tx, err = s.repair.fresh.Begin(true)
	return err
}

// soundAlone checks a record by itself. A payload in another bucket, and those of finished tasks, are looked at later.
func soundAlone(bucket string, k, v []byte) ([]task.ID, error) {
	switch bucket {
	case bucketTask:
		if len(k) != 8 {
			return nil, corrupt(bucket, k, "key isn't a task's")
		}
		t, err := decodeTaskValue(k, v)
		if err == nil && !t.outside {
			err = checkPayload(bucket, k, t.payload, t.payloadCRC)
		}
		return []task.ID{taskID(k)}, err
	case bucketHistory:
		_, err := decodeChunk(k, v)
		return nil, err
	}
	_, err := unframe(bucket, k, v)
	if bucket == bucketPayload && len(k) == 8 {
		return []task.ID{taskID(k)}, err
	}
	return nil, err
}

// tasks lets go of tasks whose payload is lost, and of payloads whose task is.
func (r *repair) tasks() error {
	return r.fresh.Update(func(tx *bbolt.Tx) error {
		tasks, payloads := tx.Bucket([]byte(bucketTask)), tx.Bucket([]byte(bucketPayload))
		wanted := map[task.ID]struct{}{}
		var lost [][]byte
		err := tasks.ForEach(func(k, v []byte) error {
			t, err := decodeTaskValue(k, v)
			if err != nil || !t.outside {
				return err
			}
			wanted[taskID(k)] = struct{}{}
			if verifyTask(tx, k, v) != nil {
				lost = append(lost, slices.Clone(k))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := r.take(tasks, bucketTask, lost, "its payload is lost or damaged"); err != nil {
			return err
		}
		var alone [][]byte
		if err := payloads.ForEach(func(k, _ []byte) error {
			if _, ok := wanted[taskID(k)]; len(k) != 8 || !ok || tasks.Get(k) == nil {
				alone = append(alone, slices.Clone(k))
			}
			return nil
		}); err != nil {
			return err
		}
		return r.take(payloads, bucketPayload, alone, "its task is lost or damaged")
	})
}

// take moves records of tasks to the quarantine.
func (r *repair) take(b *bbolt.Bucket, bucket string, keys [][]byte, why string) error {
	for _, k := range keys {
		x := Quarantined{Bucket: bucket, Key: slices.Clone(k), Value: slices.Clone(b.Get(k)), Why: why}
		if len(k) == 8 {
			x.Tasks = []task.ID{taskID(k)}
		}
		if err := errors.Join(r.quarantine.put(x), b.Delete(x.Key)); err != nil {
			return err
		}
	}
	return nil
}
