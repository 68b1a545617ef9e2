package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Position is the log entry up to which the state file holds the state: index, term, and the membership configuration
// (as raft encodes it) that was in force there, with the index of its entry.
type Position struct {
	Index              uint64
	Term               uint64
	Configuration      []byte
	ConfigurationIndex uint64
}

// formatVersion is the version of the state file's format.
const formatVersion = 1

var (
	keyFormat   = []byte("format")
	keyPosition = []byte("position")
)

func encodePosition(a *arena, p Position) []byte {
	b := a.make(crcSize + 24 + len(p.Configuration))
	binary.BigEndian.PutUint64(b[crcSize:], p.Index)
	binary.BigEndian.PutUint64(b[crcSize+8:], p.Term)
	binary.BigEndian.PutUint64(b[crcSize+16:], p.ConfigurationIndex)
	copy(b[crcSize+24:], p.Configuration)
	seal(keyPosition, b)
	return b
}

func decodePosition(b []byte) (Position, error) {
	v, err := unframe(bucketMeta, keyPosition, b)
	if err != nil {
		return Position{}, err
	}
	if len(v) < 24 {
		return Position{}, corrupt(bucketMeta, keyPosition, "value is too short")
	}
	return Position{
		Index:              binary.BigEndian.Uint64(v),
		Term:               binary.BigEndian.Uint64(v[8:]),
		ConfigurationIndex: binary.BigEndian.Uint64(v[16:]),
		Configuration:      append([]byte(nil), v[24:]...),
	}, nil
}

// readPosition checks that the file is one of ours, and whole.
func readPosition(tx *bbolt.Tx) (Position, error) {
	for _, name := range append(baseBuckets(), bucketMeta) {
		if tx.Bucket([]byte(name)) == nil {
			return Position{}, fmt.Errorf("%w: not a state file: bucket %s is missing", ErrCorrupt, name)
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	format, err := unframe(bucketMeta, keyFormat, meta.Get(keyFormat))
	if err != nil {
		return Position{}, err
	}
	if len(format) != 1 || format[0] != formatVersion {
		return Position{}, fmt.Errorf("%w: state file of format %x, this version knows %d", ErrFormat, format, formatVersion)
	}
	return decodePosition(meta.Get(keyPosition))
}

// initialize makes the buckets of a new file, at position zero.
func initialize(tx *bbolt.Tx, a *arena) error {
	meta, err := tx.CreateBucket([]byte(bucketMeta))
	if err != nil {
		return err
	}
	for _, name := range baseBuckets() {
		if err := createBucket(tx, a, name); err != nil {
			return err
		}
	}
	if err := meta.Put(keyFormat, frame(a, keyFormat, []byte{formatVersion})); err != nil {
		return err
	}
	return meta.Put(keyPosition, encodePosition(a, Position{}))
}

// createBucket makes an empty bucket with its digest.
func createBucket(tx *bbolt.Tx, a *arena, name string) error {
	if _, err := tx.CreateBucket([]byte(name)); err != nil {
		return err
	}
	key := digestKey(name)
	return tx.Bucket([]byte(bucketMeta)).Put(key, encodeDigest(a, key, digest{}))
}
