package store

import (
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// histories makes the history of each queue whole again: what is lost of it is there as deleted, so that lists pass over it, and
// the index is made anew.
func (r *repair) histories() error {
	after := ""
	known := map[uint32]task.HistoryRange{}
	for {
		queues := r.machine.Queues(after, 1000)
		for i := range queues {
			known[queues[i].Number], after = queues[i].History, queues[i].Name
		}
		if len(queues) < 1000 {
			break
		}
	}
	var numbers []uint32
	err := r.fresh.Update(func(tx *bbolt.Tx) error {
		strays, err := r.strayChunks(tx, known)
		if err != nil {
			return err
		}
		return r.take(tx.Bucket([]byte(bucketHistory)), bucketHistory, strays, "the queue has no such history")
	})
	if err != nil {
		return err
	}
	for n := range known {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		err := r.fresh.Update(func(tx *bbolt.Tx) error {
			h := &historyRepair{repair: r, tx: tx, queue: n, next: known[n].First}
			return h.run(known[n])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// strayChunks are those that no queue's history reaches to: the queue itself is lost.
func (r *repair) strayChunks(tx *bbolt.Tx, known map[uint32]task.HistoryRange) (keys [][]byte, err error) {
	err = tx.Bucket([]byte(bucketHistory)).ForEach(func(k, v []byte) error {
		c, err := decodeChunk(k, v)
		if err != nil {
			return err
		}
		if h, ok := known[c.queue]; !ok || c.last() >= h.Next {
			keys = append(keys, slices.Clone(k))
		}
		return nil
	})
	return keys, err
}

// historyRepair mends the history of one queue.
type historyRepair struct {
	repair *repair
	tx     *bbolt.Tx
	arena  arena
	queue  uint32
	next   uint64  // the sequence up to which it is whole
	places []place // of the run of chunks that is being looked at
}

// run goes through the chunks, which are in the order of their sequences.
func (h *historyRepair) run(want task.HistoryRange) error {
	var chunks [][2][]byte
	c := h.tx.Bucket([]byte(bucketHistory)).Cursor()
	start := historyKey(h.queue, 0)
	for k, v := c.Seek(start[:]); belowMark(k, h.queue, want.Next); k, v = c.Next() {
		chunks = append(chunks, [2][]byte{slices.Clone(k), v})
	}
	for _, kv := range chunks {
		x, err := decodeChunk(kv[0], kv[1])
		if err != nil {
			return err
		}
		if x.last() < want.First {
			continue // it is being trimmed
		}
		if err := errors.Join(h.fill(x.first), h.chunk(x, kv[0], kv[1])); err != nil {
			return err
		}
		h.next = x.last() + 1
	}
	return errors.Join(h.fill(want.Next), h.index())
}

// fill puts deleted tasks in the place of those that are lost, up to a sequence.
func (h *historyRepair) fill(to uint64) error {
	if h.next >= to {
		return nil
	}
	h.repair.note("the history of queue number %d has lost %d finished tasks, from %d on", h.queue, to-h.next, h.next)
	none := taskKey(0)
	lost := chunkTask{payloadCRC: checksum(none[:], nil)}
	for h.next < to {
		tasks := slices.Repeat([]chunkTask{lost}, int(min(to-h.next, chunkTasks)))
		key := historyKey(h.queue, h.next)
		if err := h.tx.Bucket([]byte(bucketHistory)).Put(key[:], encodeChunk(&h.arena, key[:], h.next, tasks)); err != nil {
			return err
		}
		for range tasks {
			if err := h.tombstone(h.next, 0); err != nil {
				return err
			}
			h.next++
		}
	}
	return nil
}

func (h *historyRepair) tombstone(sequence uint64, id task.ID) error {
	key, value := historyKey(h.queue, sequence), taskKey(id)
	return h.tx.Bucket([]byte(bucketHistoryDeleted)).Put(key[:], frame(&h.arena, key[:], value[:]))
}

// chunk notes the places of a chunk's tasks. Those whose payload is damaged are deleted.
func (h *historyRepair) chunk(x chunk, k, v []byte) error {
	if len(h.places) > 0 && h.places[0].run != x.run {
		if err := h.index(); err != nil {
			return err
		}
	}
	deleted := h.tx.Bucket([]byte(bucketHistoryDeleted))
	var damaged []task.ID
	tasks := make([]chunkTask, x.count())
	for i := range tasks {
		sequence := x.first + uint64(i)
		id := taskKey(x.id(i))
		tasks[i] = chunkTask{id: x.id(i), record: x.record(i), payloadCRC: x.payloadCRC(i)}
		key := historyKey(h.queue, sequence)
		payload, err := x.payload(i)
		tasks[i].payload = payload
		if err != nil {
			tasks[i].payload, tasks[i].payloadCRC = nil, checksum(id[:], nil)
			damaged = append(damaged, x.id(i))
			if err := h.tombstone(sequence, x.id(i)); err != nil {
				return err
			}
		}
		if deleted.Get(key[:]) == nil {
			h.places = append(h.places, place{id: x.id(i), queue: h.queue, run: x.run, distance: uint32(sequence - x.run)})
		}
	}
	if len(damaged) == 0 {
		return nil
	}
	if err := h.repair.quarantine.put(Quarantined{
		Bucket: bucketHistory, Key: k, Value: slices.Clone(v), Tasks: damaged, Why: "payloads are damaged",
	}); err != nil {
		return err
	}
	return h.tx.Bucket([]byte(bucketHistory)).Put(k, encodeChunk(&h.arena, k, x.run, tasks))
}

// index writes the places of a run.
func (h *historyRepair) index() error {
	sortPlaces(h.places)
	places := lastPlaces(h.places)
	for len(places) > 0 {
		n := 1
		for n < len(places) && sameIndexKey(places[0], places[n]) {
			n++
		}
		key := indexKey(uint64(places[0].id>>groupBits), places[0].queue, places[0].run)
		if err := h.tx.Bucket([]byte(bucketHistoryID)).Put(key[:], encodeIndex(&h.arena, key[:], places[:n])); err != nil {
			return err
		}
		places = places[n:]
	}
	h.places = h.places[:0]
	return nil
}
