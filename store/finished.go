package store

import (
	"encoding/binary"
	"fmt"

	"github.com/rowlock/rowlock/task"
)

// mark is the queue's watermark as of the view's commit; the machine's may be ahead of it.
func (v *View) mark(queue uint32) (uint64, error) {
	key := markKey(queue)
	b := v.tx.Bucket([]byte(bucketHistoryMark)).Get(key[:])
	if b == nil {
		return 0, nil
	}
	return decodeMark(key[:], b)
}

// Finished returns a task of the history, with its payload; false: it isn't there. A task below the watermark isn't,
// whatever is left of it on disk; the caller applies the machine's own watermark, which may be ahead, to
// HistorySequence.
func (v *View) Finished(id task.ID) (task.Task, bool, error) {
	found, err := v.storedByID(id)
	if err != nil || len(found) == 0 {
		return task.Task{}, false, err
	}
	t, err := found[0].decode()
	return t, err == nil, err
}

// FinishedFrom returns up to limit tasks of a queue's history with their payloads, from the sequence on.
func (v *View) FinishedFrom(queue uint32, sequence uint64, limit int) ([]task.Task, error) {
	return decodeStored(v.storedFrom(queue, sequence, limit))
}

// FinishedBefore returns up to limit tasks of a queue's history with their payloads, newest first, whose sequences are
// below before and not below from.
func (v *View) FinishedBefore(queue uint32, before, from uint64, limit int) ([]task.Task, error) {
	return decodeStored(v.storedBefore(queue, before, from, limit))
}

// storedByID returns none or one.
func (v *View) storedByID(id task.ID) (found []stored, err error) {
	err = guard(func() (err error) {
		found, err = v.lookUp(id)
		return err
	})
	return found, err
}

func (v *View) lookUp(id task.ID) ([]stored, error) {
	prefix := uint64(id >> groupBits)
	start := indexKey(prefix, 0, 0)
	c := v.tx.Bucket([]byte(bucketHistoryID)).Cursor()
	for k, b := c.Seek(start[:]); len(k) == 20 && binary.BigEndian.Uint64(k) == prefix; k, b = c.Next() {
		x, err := decodeIndex(k, b)
		if err != nil {
			return nil, err
		}
		if distance, ok := x.find(id); ok {
			queue, run := binary.BigEndian.Uint32(k[8:]), binary.BigEndian.Uint64(k[12:])
			found, err := v.finishedAt(queue, run+uint64(distance), id)
			if err != nil || len(found) > 0 {
				return found, err
			} // it was deleted, or trimmed: one that was put back since may have finished elsewhere
		}
	}
	return nil, nil
}

// finishedAt returns the task where the index says that it is, unless it was trimmed or deleted.
func (v *View) finishedAt(queue uint32, sequence uint64, id task.ID) ([]stored, error) {
	mark, err := v.mark(queue)
	if err != nil || sequence < mark {
		return nil, err
	}
	c, ok, err := v.historyOf(queue).at(sequence)
	if err != nil {
		return nil, err
	}
	if !ok || !c.has(sequence) || c.id(c.position(sequence)) != id {
		key := historyKey(queue, sequence)
		return nil, corrupt(bucketHistory, key[:], "task "+id.String()+" isn't where the index says")
	}
	return v.appendStored(nil, c, sequence)
}

// deleted reports whether a task of the history was deleted.
func (v *View) deleted(queue uint32, sequence uint64) (bool, error) {
	key := historyKey(queue, sequence)
	b := v.tx.Bucket([]byte(bucketHistoryDeleted)).Get(key[:])
	if b == nil {
		return false, nil
	}
	_, err := unframe(bucketHistoryDeleted, key[:], b)
	return err == nil, err
}

func (v *View) storedFrom(queue uint32, sequence uint64, limit int) (found []stored, err error) {
	err = guard(func() error {
		mark, err := v.mark(queue)
		if err != nil {
			return err
		}
		from := max(sequence, mark)
		h := v.historyOf(queue)
		var previous chunk
		for c, ok, err := h.at(from); len(found) < limit; c, ok, err = h.next() {
			if err != nil || !ok {
				return err
			}
			if previous.entries != nil && c.first != previous.last()+1 {
				return gap(previous, c)
			}
			previous = c
			for s := max(c.first, from); s <= c.last() && len(found) < limit; s++ {
				if found, err = v.appendStored(found, c, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return found, err
}

func (v *View) storedBefore(queue uint32, before, from uint64, limit int) (found []stored, err error) {
	if before == 0 {
		return nil, nil
	}
	err = guard(func() error {
		mark, err := v.mark(queue)
		if err != nil {
			return err
		}
		from := max(from, mark)
		h := v.historyOf(queue)
		var next chunk
		for c, ok, err := h.atOrBefore(before - 1); len(found) < limit; c, ok, err = h.previous() {
			if err != nil || !ok || c.last() < from {
				return err
			}
			if next.entries != nil && next.first != c.last()+1 {
				return gap(c, next)
			}
			next = c
			for end := min(c.last()+1, before); end > max(c.first, from) && len(found) < limit; end-- {
				if found, err = v.appendStored(found, c, end-1); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return found, err
}

// gap is the error of two chunks that should adjoin.
func gap(a, b chunk) error {
	key := historyKey(a.queue, a.last()+1)
	return corrupt(bucketHistory, key[:], fmt.Sprintf("chunks up to %d are missing", b.first))
}

// stored is a finished task as it is on disk, in memory of its own: decoding needs no open view and no guard.
type stored struct {
	id              task.ID
	queue           uint32
	sequence        uint64
	record, payload []byte
}

// appendStored adds a task of the chunk, unless it was deleted.
func (v *View) appendStored(found []stored, c chunk, sequence uint64) ([]stored, error) {
	gone, err := v.deleted(c.queue, sequence)
	if gone || err != nil {
		return found, err
	}
	i := c.position(sequence)
	record := c.record(i)
	payload, err := c.payload(i)
	if err != nil {
		return found, err
	}
	b := append(append(make([]byte, 0, len(record)+len(payload)), record...), payload...)
	return append(found, stored{
		id: c.id(i), queue: c.queue, sequence: sequence,
		record: b[:len(record):len(record)], payload: b[len(record):],
	}), nil
}

func (s stored) decode() (task.Task, error) {
	key := historyKey(s.queue, s.sequence)
	t, err := task.DecodeFinished(s.record)
	if err != nil {
		return task.Task{}, fmt.Errorf("%w: %w", corrupt(bucketHistory, key[:], "record of task "+s.id.String()), err)
	}
	if t.ID != s.id || t.QueueNumber != s.queue || t.HistorySequence != s.sequence {
		return task.Task{}, corrupt(bucketHistory, key[:], "record of task "+t.ID.String()+" is in the place of "+s.id.String())
	}
	t.Payload, t.PayloadLen, t.PayloadOnDisk = s.payload, uint32(len(s.payload)), false
	return t, nil
}

func decodeStored(found []stored, err error) ([]task.Task, error) {
	if err != nil {
		return nil, err
	}
	tasks := make([]task.Task, len(found))
	for i := range found {
		if tasks[i], err = found[i].decode(); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}
