package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// change changes a closed state file behind the store's back.
func change(t *testing.T, path string, fn func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, boltOptions(0))
	must(t, err)
	must(t, db.Update(fn))
	must(t, db.Close())
}

// TestOlderFile opens a state file, and an image, of a version that knew fewer kinds of records: they are empty.
func TestOlderFile(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(testOptions(dir))
	must(t, err)
	must(t, s.Commit(&task.Checkpoint{Records: []task.Record{{Kind: task.KindUnique, Key: []byte("key"), Value: []byte("value")}}}, Position{Index: 1}))
	must(t, s.Close())
	path := Dir(dir).State()
	change(t, path, func(tx *bbolt.Tx) error {
		for _, k := range task.Kinds {
			if k > task.KindUnique {
				must(t, tx.DeleteBucket([]byte(bucketOf(k))))
				must(t, tx.Bucket([]byte(bucketMeta)).Delete(digestKey(bucketOf(k))))
			}
		}
		return nil
	})
	content, err := os.ReadFile(path)
	must(t, err)
	image := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(image, content, 0o600))
	if pos, err := PrepareImage(image); err != nil || pos.Index != 1 {
		t.Fatalf("an image of it: %v, %v", pos, err)
	}

	s, err = Open(testOptions(dir))
	must(t, err)
	later := task.Record{Kind: task.KindBatch, Key: []byte("later"), Value: []byte("x")}
	must(t, s.Commit(&task.Checkpoint{Records: []task.Record{later}}, Position{Index: 2}))
	must(t, s.Close())
	v := viewTest(t, openTest(t, dir))
	found := map[task.Kind]int{}
	must(t, v.load(countLoader(found)))
	if len(found) != 2 || found[task.KindUnique] != 1 || found[task.KindBatch] != 1 {
		t.Errorf("records by kind: %v", found)
	}
}

type countLoader map[task.Kind]int

func (c countLoader) Record(k task.Kind, _, _ []byte) error {
	c[k]++
	return nil
}

func (countLoader) Task(task.ID, []byte, int) error { return nil }

// TestLostKind: a bucket that was there isn't one that an older version didn't know.
func TestLostKind(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(testOptions(dir))
	must(t, err)
	must(t, s.Close())
	change(t, Dir(dir).State(), func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketOf(task.KindBatch))) })
	if _, err := Open(testOptions(dir)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("opened with %v", err)
	}
}
