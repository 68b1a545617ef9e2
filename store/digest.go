package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"
)

// digest stands for the set of keys and values of a bucket, whatever their order: their number and the sum of their
// hashes. Every commit keeps the digests of what it changed beside the position; opening the file compares them with
// what is there. So a record that is lost, came back or is an older one is found, which its own checksum can't tell.
type digest struct {
	count uint64
	sum   uint64
}

// hashOf is a key's and its value's part of a digest. The value counts by the checksum that it begins with.
func hashOf(key, value []byte) uint64 {
	var b [64]byte
	return xxhash.Sum64(append(append(b[:0], key...), value[:min(crcSize, len(value))]...))
}

func (d *digest) add(key, value []byte) {
	d.count++
	d.sum += hashOf(key, value)
}

func (d *digest) remove(key, value []byte) {
	d.count--
	d.sum -= hashOf(key, value)
}

// digestKey is the key in the bucket meta of another bucket's digest.
func digestKey(bucket string) []byte { return []byte("digest " + bucket) }

func encodeDigest(a *arena, key []byte, d digest) []byte {
	b := a.make(crcSize + 16)
	binary.BigEndian.PutUint64(b[crcSize:], d.count)
	binary.BigEndian.PutUint64(b[crcSize+8:], d.sum)
	seal(key, b)
	return b
}

func readDigest(tx *bbolt.Tx, bucket string) (digest, error) {
	key := digestKey(bucket)
	v, err := unframe(bucketMeta, key, tx.Bucket([]byte(bucketMeta)).Get(key))
	if err != nil {
		return digest{}, err
	}
	if len(v) != 16 {
		return digest{}, corrupt(bucketMeta, key, "size is out of bounds")
	}
	return digest{count: binary.BigEndian.Uint64(v), sum: binary.BigEndian.Uint64(v[8:])}, nil
}

// digests are those of a file's buckets, as a walk over its pages finds them.
type digests map[string]*digest

func (d digests) bucket(name string) (int, error) {
	d[name] = &digest{}
	return crcSize, nil
}

func (d digests) leaf(bucket string, key, head []byte, _ int) error {
	d[bucket].add(key, head)
	return nil
}

// compare checks the digests that the walk found against those that were kept.
func (d digests) compare(tx *bbolt.Tx) error {
	for _, bucket := range dataBuckets() {
		if d[bucket] == nil && !slices.Contains(baseBuckets(), bucket) && tx.Bucket([]byte(bucketMeta)).Get(digestKey(bucket)) == nil {
			continue // nothing of that kind has been written yet
		}
		want, err := readDigest(tx, bucket)
		if err != nil {
			return err
		}
		var got digest
		if found := d[bucket]; found != nil {
			got = *found
		}
		if got != want {
			return fmt.Errorf("%w: bucket %s holds other records than were written: %d, and %d were", ErrCorrupt, bucket, got.count, want.count)
		}
	}
	return nil
}

// table is a bucket that is written, with its digest.
type table struct {
	*bbolt.Bucket
	name   string
	digest digest
	before digest
	reader *bbolt.Cursor // get's own: a Get of bbolt's makes a new one each time

	touched *touched // is told of what changes; may be nil
}

func newTable(tx *bbolt.Tx, name string) (*table, error) {
	b := tx.Bucket([]byte(name))
	if b == nil {
		return nil, fmt.Errorf("no bucket %s", name)
	}
	d, err := readDigest(tx, name)
	return &table{Bucket: b, name: name, digest: d, before: d, reader: b.Cursor()}, err
}

// get is Get.
func (t *table) get(key []byte) []byte {
	k, v := t.reader.Seek(key)
	if !bytes.Equal(k, key) {
		return nil
	}
	return v
}

// put writes a value in place of the old one, which must be what get returns; nil: there is none.
func (t *table) put(key, old, value []byte) error {
	if old != nil {
		t.digest.remove(key, old)
	}
	t.digest.add(key, value)
	t.touched.note(t.name, key)
	return t.Put(key, value)
}

// remove deletes a key with the value that get returns; nil: there is none.
func (t *table) remove(key, old []byte) error {
	if old == nil {
		return nil
	}
	t.digest.remove(key, old)
	t.touched.note(t.name, key)
	return t.Delete(key)
}
