package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// trimBudget is how many chunks and tombstones one commit deletes at most; the next ones go on. Readers see none of
// what is left: they honour the watermark.
const trimBudget = 2048

// trims are the queues whose history may still hold chunks below the watermark, with the watermark.
type trims map[uint32]uint64

// with returns a copy that includes further ones.
func (t trims) with(more []task.HistoryTrim) trims {
	sum := maps.Clone(t)
	if sum == nil {
		sum = trims{}
	}
	for _, m := range more {
		sum[m.Queue] = max(sum[m.Queue], m.Before)
	}
	return sum
}

// readTrims returns all watermarks: what is below them may not all be deleted yet.
func readTrims(tx *bbolt.Tx) (trims, error) {
	t := trims{}
	err := tx.Bucket([]byte(bucketHistoryMark)).ForEach(func(k, v []byte) error {
		mark, err := decodeMark(k, v)
		if err == nil {
			t[binary.BigEndian.Uint32(k)] = mark
		}
		return err
	})
	return t, err
}

func markKey(queue uint32) [4]byte {
	var k [4]byte
	binary.BigEndian.PutUint32(k[:], queue)
	return k
}

func decodeMark(key, framed []byte) (uint64, error) {
	v, err := unframe(bucketHistoryMark, key, framed)
	if err != nil {
		return 0, err
	}
	if len(key) != 4 || len(v) != 8 {
		return 0, corrupt(bucketHistoryMark, key, "size is out of bounds")
	}
	return binary.BigEndian.Uint64(v), nil
}

// trim moves the watermarks and deletes what is below them, as far as the budget goes. It returns what is left.
func (w *writer) trim(todo trims, moved []task.HistoryTrim) (trims, error) {
	for _, m := range moved {
		key := markKey(m.Queue)
		var before [8]byte
		binary.BigEndian.PutUint64(before[:], todo[m.Queue])
		if err := w.historyMark.put(key[:], w.historyMark.get(key[:]), frame(&w.arena, key[:], before[:])); err != nil {
			return nil, fmt.Errorf("watermark of queue %d: %w", m.Queue, err)
		}
	}
	budget := trimBudget
	for _, queue := range slices.Sorted(maps.Keys(todo)) {
		n, err := w.trimQueue(queue, todo[queue], budget)
		if err != nil {
			return nil, fmt.Errorf("trim history of queue %d: %w", queue, err)
		}
		if budget -= n; budget <= 0 {
			break
		}
		delete(todo, queue)
	}
	return todo, nil
}

// trimQueue deletes up to budget chunks and tombstones of a queue, and says how many.
func (w *writer) trimQueue(queue uint32, before uint64, budget int) (int, error) {
	keys, err := w.trimChunks(queue, before, budget)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		if err := w.history.remove(key, w.history.get(key)); err != nil {
			return 0, err
		}
	}
	stones := w.tombstonesBelow(queue, before, budget-len(keys))
	for _, key := range stones {
		if err := w.historyDelete.remove(key, w.historyDelete.get(key)); err != nil {
			return 0, err
		}
	}
	return len(keys) + len(stones), nil
}

// trimChunks returns the keys of chunks that lie wholly below the watermark, and deletes their places from the index.
func (w *writer) trimChunks(queue uint32, before uint64, budget int) ([][]byte, error) {
	var keys [][]byte
	start := historyKey(queue, 0)
	c := w.history.Cursor()
	for k, v := c.Seek(start[:]); belowMark(k, queue, before) && len(keys) < budget; {
		chunk, err := decodeChunk(k, v)
		next, nextValue := c.Next()
		switch {
		case err == nil && chunk.last() >= before:
			return keys, nil
		case err == nil:
			if err := w.trimIndex(chunk); err != nil {
				return nil, err
			}
		case !belowMark(next, queue, before+1):
			// A damaged chunk doesn't tell where it ends, and no other one begins up to the watermark.
			return keys, nil
		default:
			// Its time has come; its places in the index lead nowhere then, which readers take for not found.
			w.logger.Warn("dropping a damaged chunk of the history, which is past its retention", "error", err)
		}
		keys = append(keys, k)
		k, v = next, nextValue
	}
	return keys, nil
}

// trimIndex deletes the places whose last one is in the chunk.
func (w *writer) trimIndex(c chunk) error {
	for i := range c.count() {
		group := uint64(c.id(i) >> groupBits)
		if i > 0 && group == uint64(c.id(i-1)>>groupBits) {
			continue
		}
		key := indexKey(group, c.queue, c.run)
		v := w.historyID.get(key[:])
		if v == nil {
			continue
		}
		x, err := decodeIndex(key[:], v)
		if err != nil {
			w.logger.Warn("dropping damaged places of the history", "error", err)
		} else if c.run+uint64(x.largest) > c.last() {
			continue
		}
		if err := w.historyID.remove(key[:], v); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) tombstonesBelow(queue uint32, before uint64, budget int) [][]byte {
	var keys [][]byte
	start := historyKey(queue, 0)
	c := w.historyDelete.Cursor()
	for k, _ := c.Seek(start[:]); belowMark(k, queue, before) && len(keys) < budget; k, _ = c.Next() {
		keys = append(keys, k)
	}
	return keys
}

// belowMark reports whether a key of history or history_deleted is the queue's and begins below the watermark.
func belowMark(key []byte, queue uint32, before uint64) bool {
	return len(key) == 12 && binary.BigEndian.Uint32(key) == queue && binary.BigEndian.Uint64(key[4:]) < before
}
