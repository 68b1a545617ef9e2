package store

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// The index history_id finds a finished task by its ID. What one checkpoint adds to the history of a queue is a run. A
// value lists the tasks of a run whose IDs agree in all but the low ten bits: IDs are handed out in order and tasks
// finish in about that order, so that a run has few of these groups, whatever the number of its tasks. Key: the group,
// the queue, and the run's first sequence. Value, after its checksum:
//
//	largest distance(4)
//	by ascending ID: low bits of the ID(2), distance of its sequence from the run's first(4)
//
// Invariant: the chunk that holds the sequence at the largest distance names the run and holds an ID of the group, so
// that trimming that chunk finds the value and deletes it.
const (
	groupBits  = 10
	indexHead  = crcSize + 4
	indexEntry = 2 + 4
)

// indexKey is a key of history_id.
func indexKey(group uint64, queue uint32, run uint64) [20]byte {
	var k [20]byte
	binary.BigEndian.PutUint64(k[:], group)
	binary.BigEndian.PutUint32(k[8:], queue)
	binary.BigEndian.PutUint64(k[12:], run)
	return k
}

// place is where a finished task is.
type place struct {
	id       task.ID
	queue    uint32
	run      uint64
	distance uint32
}

// sortPlaces orders places by the key of the index that they belong under.
func sortPlaces(p []place) {
	slices.SortFunc(p, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.id>>groupBits, b.id>>groupBits), cmp.Compare(a.queue, b.queue),
			cmp.Compare(a.run, b.run), cmp.Compare(a.id, b.id), cmp.Compare(b.distance, a.distance))
	})
}

// lastPlaces keeps of sorted places the last one of each task in a run: one that finished, was deleted and put back, and finished
// again before it was written has several.
func lastPlaces(p []place) []place {
	return slices.CompactFunc(p, func(a, b place) bool { return a.id == b.id && sameIndexKey(a, b) })
}

// sameIndexKey reports whether two places belong under the same key.
func sameIndexKey(a, b place) bool {
	return a.id>>groupBits == b.id>>groupBits && a.queue == b.queue && a.run == b.run
}

// encodeIndex writes the value for sorted places of one key.
func encodeIndex(a *arena, key []byte, places []place) []byte {
	b := a.make(indexHead + len(places)*indexEntry)
	var largest uint32
	for i, p := range places {
		e := b[indexHead+i*indexEntry:]
		binary.BigEndian.PutUint16(e, uint16(p.id&(1<<groupBits-1)))
		binary.BigEndian.PutUint32(e[2:], p.distance)
		largest = max(largest, p.distance)
	}
	binary.BigEndian.PutUint32(b[crcSize:], largest)
	seal(key, b)
	return b
}

// index reads a value of history_id.
type index struct {
	largest uint32
	entries []byte
}

func decodeIndex(key, b []byte) (index, error) {
	v, err := unframe(bucketHistoryID, key, b)
	if err != nil {
		return index{}, err
	}
	if len(key) != 20 || len(v) < indexHead-crcSize+indexEntry || (len(v)-4)%indexEntry != 0 {
		return index{}, corrupt(bucketHistoryID, key, "size is out of bounds")
	}
	return index{largest: binary.BigEndian.Uint32(v), entries: v[4:]}, nil
}

// find returns the distance of the task with the ID.
func (x index) find(id task.ID) (uint32, bool) {
	low := uint16(id & (1<<groupBits - 1))
	for e := x.entries; len(e) > 0; e = e[indexEntry:] {
		if binary.BigEndian.Uint16(e) == low {
			return binary.BigEndian.Uint32(e[2:]), true
		}
	}
	return 0, false
}
