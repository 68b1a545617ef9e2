package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// records verifies every record of a state file by itself, and the history and its index against each other.
func (c *check) records(file string, tx *bbolt.Tx) error {
	for _, name := range append(dataBuckets(), bucketMeta) {
		bucket := tx.Bucket([]byte(name))
		if bucket == nil { // of a kind of which nothing has been written yet
			continue
		}
		var previous chunk
		err := guard(func() error {
			return bucket.ForEach(func(k, v []byte) error {
				if c.Records++; c.Records%4096 == 0 && c.ctx.Err() != nil {
					return c.ctx.Err()
				}
				tasks, err := verifyRecord(tx, name, k, v)
				if name == bucketHistory && err == nil {
					tasks, err = c.chunk(tx, &previous, k, v)
				}
				if err != nil {
					c.add(Finding{File: file, Part: name, Tasks: tasks, Text: err.Error(), Grave: name != bucketPayload && name != bucketHistory && name != bucketTask})
				}
				return nil
			})
		})
		if err != nil && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		if err != nil {
			c.add(Finding{File: file, Part: name, Text: err.Error(), Grave: true})
		}
	}
	return nil
}

// verifyRecord checks one record's checksums. It returns the tasks that a damaged one concerns, as far as that can be told.
func verifyRecord(tx *bbolt.Tx, bucket string, k, v []byte) ([]task.ID, error) {
	switch bucket {
	case bucketTask:
		if len(k) != 8 {
			return nil, corrupt(bucket, k, "key isn't a task's")
		}
		return []task.ID{taskID(k)}, verifyTask(tx, k, v)
	case bucketPayload:
		_, err := unframe(bucket, k, v)
		if err == nil && (len(k) != 8 || tx.Bucket([]byte(bucketTask)).Get(k) == nil) {
			err = corrupt(bucket, k, "it is of no task")
		}
		if len(k) != 8 {
			return nil, err
		}
		return []task.ID{taskID(k)}, err
	case bucketHistory:
		return chunkIDs(k, v), verifyChunk(k, v)
	case bucketHistoryID:
		return nil, verifyIndex(tx, k, v)
	}
	_, err := unframe(bucket, k, v)
	return nil, err
}

// maxNamed is how many tasks a finding names.
const maxNamed = 100

// chunkIDs are the tasks of a chunk, if it can be read that far.
func chunkIDs(k, v []byte) (ids []task.ID) {
	c, err := decodeChunk(k, v)
	if err != nil {
		return nil
	}
	for i := range min(c.count(), maxNamed) {
		ids = append(ids, c.id(i))
	}
	return ids
}

// verifyIndex checks that places of the index lead to tasks.
func verifyIndex(tx *bbolt.Tx, k, v []byte) error {
	x, err := decodeIndex(k, v)
	if err != nil {
		return err
	}
	queue, run := binary.BigEndian.Uint32(k[8:]), binary.BigEndian.Uint64(k[12:])
	h := historyCursor{queue: queue, cursor: tx.Bucket([]byte(bucketHistory)).Cursor()}
	last := run + uint64(x.largest)
	c, ok, err := h.atOrBefore(last)
	if err != nil {
		return nil //nolint:nilerr // the chunk is a finding of its own
	}
	if !ok || !c.has(last) || c.run != run || uint64(c.id(c.position(last))>>groupBits) != binary.BigEndian.Uint64(k) {
		return corrupt(bucketHistoryID, k, "it leads to no chunk of the history")
	}
	return nil
}

// span is from which to which sequence a queue's chunks reach.
type span struct{ first, next uint64 }

// chunk checks that chunks of a queue adjoin, and that the index finds their tasks.
func (c *check) chunk(tx *bbolt.Tx, previous *chunk, k, v []byte) ([]task.ID, error) {
	x, err := decodeChunk(k, v)
	if err != nil {
		return nil, err
	}
	before := *previous
	*previous = chunk{queue: x.queue, first: x.first, run: x.run, entries: append([]byte(nil), x.entries...)}
	s, known := c.chunks[x.queue]
	if !known {
		s.first = x.first
	}
	s.next = x.last() + 1
	c.chunks[x.queue] = s
	if before.entries != nil && before.queue == x.queue && before.last()+1 != x.first {
		return nil, gap(before, x)
	}
	return c.indexed(tx, x)
}

// indexed looks each task of a chunk up in the index, but those that were trimmed or deleted.
func (c *check) indexed(tx *bbolt.Tx, x chunk) ([]task.ID, error) {
	v := &View{tx: tx}
	mark, err := v.mark(x.queue)
	if err != nil {
		return nil, nil //nolint:nilerr // the mark is a finding of its own
	}
	bucket := tx.Bucket([]byte(bucketHistoryID))
	var missing []task.ID
	for i := range x.count() {
		sequence := x.first + uint64(i)
		if gone, err := v.deleted(x.queue, sequence); sequence < mark || gone || err != nil {
			continue
		}
		key := indexKey(uint64(x.id(i)>>groupBits), x.queue, x.run)
		places, err := decodeIndex(key[:], bucket.Get(key[:]))
		if err == nil {
			if distance, ok := places.find(x.id(i)); ok && x.run+uint64(distance) >= sequence {
				continue
			}
		}
		if len(missing) < maxNamed {
			missing = append(missing, x.id(i))
		}
	}
	if len(missing) > 0 {
		return missing, fmt.Errorf("%w: the index doesn't find tasks of the history", ErrCorrupt)
	}
	return nil, nil
}
