package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// vacuumStep is how many bytes one transaction of a vacuum copies: little, as they are made durable at once and a write of
// the log may wait for that.
const vacuumStep = 1 << 20

// copyFill is how full the copy's pages are; those of buckets whose keys don't ascend keep some room.
func copyFill(bucket string) float64 {
	switch bucket {
	case bucketTask, bucketPayload, bucketHistory, bucketHistoryID:
		return appendFill
	}
	return 0.8
}

// copyBucket copies a bucket in the order of its keys, a step at a time. Each step sees a later state: what a commit
// changes among the keys that are copied already has been noted.
func (v *vacuum) copyBucket(ctx context.Context, bucket string) error {
	var last []byte
	for {
		start := v.pace.now()
		next, n, err := v.copyStep(bucket, last)
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		last = next
		if err := v.pace.rest(ctx, n, v.pace.now().Sub(start)); err != nil {
			return err
		}
		if v.many() {
			if err := v.drain(ctx, bucket, last); err != nil {
				return err
			}
		}
	}
}

// copyStep copies the keys behind last. It returns the last one that it copied, nil if there was none, and their bytes.
func (v *vacuum) copyStep(bucket string, last []byte) (to []byte, n int64, err error) {
	view, err := v.view()
	if err != nil {
		return nil, 0, err
	}
	defer view.Close()
	err = guard(func() error {
		from := view.tx.Bucket([]byte(bucket))
		if from == nil { // of a kind of which nothing has been written yet
			return nil
		}
		return v.update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err != nil {
				return err
			}
			b.FillPercent = copyFill(bucket)
			c := from.Cursor()
			k, value := c.First()
			if last != nil {
				if k, value = c.Seek(last); bytes.Equal(k, last) {
					k, value = c.Next()
				}
			}
			for ; k != nil && n < vacuumStep; k, value = c.Next() {
				if err := b.Put(k, value); err != nil {
					return err
				}
				n += int64(len(k) + len(value))
				to = k
			}
			return nil
		})
	})
	return bytes.Clone(to), n, err
}

// view opens one of the file that is copied.
func (v *vacuum) view() (*View, error) {
	view, err := v.store.View()
	if err == nil && view.handle != v.from {
		view.Close()
		return nil, ErrVacuumReplaced
	}
	return view, err
}

// update changes the copy durably.
func (v *vacuum) update(fn func(*bbolt.Tx) error) error {
	if err := v.fresh.Update(fn); err != nil {
		return noSpace(err)
	}
	return noSpace(v.fresh.Sync())
}

// many reports whether so much was touched that it is copied before the copy goes on, to bound the memory.
func (v *vacuum) many() bool {
	v.store.commit.Lock()
	defer v.store.commit.Unlock()
	return v.store.touched.n > maxTouched/16
}

// drain copies again what was touched: in the buckets up to one, and there up to a key; without a bucket in all of them,
// and then the copy is just what the file was at one commit.
func (v *vacuum) drain(ctx context.Context, bucket string, last []byte) error {
	keys, view, err := v.taken()
	if err != nil {
		return err
	}
	defer view.Close()
	for _, b := range dataBuckets() {
		bound := []byte(nil)
		if b == bucket {
			bound = last
		}
		if err := v.redo(ctx, view.tx, b, keys.sorted(b, bound)); err != nil {
			return err
		}
		if b == bucket {
			return nil
		}
	}
	return guard(func() error {
		return v.update(func(tx *bbolt.Tx) error { return copyMeta(view.tx, tx) })
	})
}

// taken takes what was touched, and a view of just then.
func (v *vacuum) taken() (*touched, *View, error) {
	v.store.commit.Lock()
	defer v.store.commit.Unlock()
	keys := v.store.touched
	if keys.full {
		return nil, nil, ErrVacuumBehind
	}
	v.store.touched = newTouched()
	view, err := v.view()
	return keys, view, err
}

// redoStep is how many keys one transaction copies again.
const redoStep = 2048

// redo copies keys of a bucket again, a step at a time.
func (v *vacuum) redo(ctx context.Context, from *bbolt.Tx, bucket string, keys [][]byte) error {
	for step := range slices.Chunk(keys, redoStep) {
		start := v.pace.now()
		var n int64
		err := guard(func() error {
			return v.update(func(tx *bbolt.Tx) error {
				old, err := bothBuckets(from, tx, bucket)
				if err != nil || old == nil {
					return err
				}
				b := tx.Bucket([]byte(bucket))
				b.FillPercent = copyFill(bucket)
				for _, k := range step {
					value := old.Get(k)
					n += int64(len(k) + len(value))
					if value == nil {
						err = b.Delete(k)
					} else {
						err = b.Put(k, value)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		if err := v.pace.rest(ctx, n, v.pace.now().Sub(start)); err != nil {
			return err
		}
	}
	return nil
}

// bothBuckets returns the bucket of the file, and makes the copy's; nil: the file hasn't it.
func bothBuckets(from, to *bbolt.Tx, bucket string) (*bbolt.Bucket, error) {
	old := from.Bucket([]byte(bucket))
	if old == nil {
		return nil, nil
	}
	_, err := to.CreateBucketIfNotExists([]byte(bucket))
	return old, err
}

// copyMeta copies the position and the digests.
func copyMeta(from, to *bbolt.Tx) error {
	b, err := to.CreateBucketIfNotExists([]byte(bucketMeta))
	if err != nil {
		return err
	}
	return from.Bucket([]byte(bucketMeta)).ForEach(b.Put)
}

// settle brings a copy that has passed all checks to what the file holds, in one durable transaction, given the keys that
// differ. That it then holds the same shows by the digests.
func settle(from *bbolt.Tx, copied *bbolt.DB, keys *touched) error {
	tx, err := copied.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, bucket := range dataBuckets() {
		if err := settleBucket(from, tx, bucket, keys.sorted(bucket, nil)); err != nil {
			return err
		}
	}
	if err := copyMeta(from, tx); err != nil {
		return err
	}
	return noSpace(tx.Commit())
}

func settleBucket(from, to *bbolt.Tx, bucket string, keys [][]byte) error {
	old := from.Bucket([]byte(bucket))
	if old == nil {
		return nil
	}
	if to.Bucket([]byte(bucket)) == nil {
		if err := createBucket(to, &arena{}, bucket); err != nil {
			return err
		}
	}
	t, err := newTable(to, bucket)
	if err != nil {
		return err
	}
	t.FillPercent = copyFill(bucket)
	for _, k := range keys {
		if value := old.Get(k); value != nil {
			err = t.put(k, t.get(k), value)
		} else {
			err = t.remove(k, t.get(k))
		}
		if err != nil {
			return err
		}
	}
	want, err := readDigest(from, bucket)
	if err != nil {
		return err
	}
	if t.digest != want {
		return fmt.Errorf("%w: bucket %s of the copy holds %d records, and the file %d", ErrCorrupt, bucket, t.digest.count, want.count)
	}
	return nil
}
