package store

import (
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// historyCursor walks the chunks of one queue.
type historyCursor struct {
	queue  uint32
	cursor *bbolt.Cursor
}

func (v *View) historyOf(queue uint32) historyCursor {
	return historyCursor{queue: queue, cursor: v.tx.Bucket([]byte(bucketHistory)).Cursor()}
}

// atOrBefore returns the last chunk that begins at or before the sequence.
func (h historyCursor) atOrBefore(sequence uint64) (chunk, bool, error) {
	key := historyKey(h.queue, sequence)
	k, b := h.cursor.Seek(key[:])
	if string(k) != string(key[:]) {
		if k == nil {
			k, b = h.cursor.Last()
		} else {
			k, b = h.cursor.Prev()
		}
	}
	return h.decode(k, b)
}

// at returns the chunk that holds the sequence, or the first one behind it.
func (h historyCursor) at(sequence uint64) (chunk, bool, error) {
	c, ok, err := h.atOrBefore(sequence)
	if err != nil || (ok && c.has(sequence)) {
		return c, ok, err
	}
	key := historyKey(h.queue, sequence)
	return h.decode(h.cursor.Seek(key[:]))
}

func (h historyCursor) next() (chunk, bool, error)     { return h.decode(h.cursor.Next()) }
func (h historyCursor) previous() (chunk, bool, error) { return h.decode(h.cursor.Prev()) }

func (h historyCursor) decode(k, b []byte) (chunk, bool, error) {
	if len(k) != 12 || binary.BigEndian.Uint32(k) != h.queue {
		return chunk{}, false, nil
	}
	c, err := decodeChunk(k, b)
	return c, err == nil, err
}
