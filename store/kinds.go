package store

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// awaited reports whether the bucket of a later kind of records isn't there because the file, or the image, is of a version
// that didn't know the kind: then there is no digest of it either. One that is lost has left its digest.
func awaited(tx *bbolt.Tx, name string) bool {
	meta := tx.Bucket([]byte(bucketMeta))
	if tx.Bucket([]byte(name)) != nil || meta == nil || meta.Get(digestKey(name)) != nil {
		return false
	}
	for _, k := range task.Kinds {
		if k > task.KindUnique && name == bucketOf(k) {
			return true
		}
	}
	return false
}

// addKinds makes the buckets of the kinds that the file's version didn't know, empty.
func addKinds(db *bbolt.DB) error {
	var (
		missing []string
		a       arena
	)
	err := db.View(func(tx *bbolt.Tx) error {
		for _, k := range task.Kinds {
			if awaited(tx, bucketOf(k)) {
				missing = append(missing, bucketOf(k))
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range missing {
			if err := createTable(tx, &a, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add the records of this version: %w", noSpace(err))
	}
	return nil
}

// createTable makes an empty bucket with its digest.
func createTable(tx *bbolt.Tx, a *arena, name string) error {
	if _, err := tx.CreateBucket([]byte(name)); err != nil {
		return err
	}
	key := digestKey(name)
	return tx.Bucket([]byte(bucketMeta)).Put(key, encodeDigest(a, key, digest{}))
}
