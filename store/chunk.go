package store

import (
	"encoding/binary"

	"github.com/rowlock/rowlock/task"
)

// A chunk is a run of adjoining finished tasks of one queue under one key of the bucket history: the queue and the
// first task's sequence. Its value, after its own checksum (which covers all but the payloads):
//
//	run(8)      the first sequence of the run that it was written with; see index.go
//	count(4)
//	count times: ID(8), end of its record(4), end of its payload(4), payload crc(4)
//	the records, one after the other
//	the payloads, one after the other
//
// Ends count from the beginning of the records, or of the payloads.
const (
	chunkHead  = crcSize + 8 + 4
	chunkEntry = 8 + 4 + 4 + 4

	// chunkTasks and chunkBytes bound a chunk, except that it holds one task whatever its size.
	chunkTasks = 4096
	chunkBytes = 64 << 10
)

// historyKey is a chunk's key, and a tombstone's.
func historyKey(queue uint32, sequence uint64) [12]byte {
	var k [12]byte
	binary.BigEndian.PutUint32(k[:], queue)
	binary.BigEndian.PutUint64(k[4:], sequence)
	return k
}

// chunk reads a chunk's value.
type chunk struct {
	queue    uint32
	first    uint64 // sequence
	run      uint64
	entries  []byte
	records  []byte
	payloads []byte
}

// decodeChunk verifies everything of a chunk but its payloads.
func decodeChunk(key, b []byte) (chunk, error) {
	bad := func(what string) (chunk, error) { return chunk{}, corrupt(bucketHistory, key, what) }
	if len(key) != 12 || len(b) < chunkHead {
		return bad("chunk is too short")
	}
	count := uint64(binary.BigEndian.Uint32(b[crcSize+8:]))
	if count == 0 || count > chunkTasks || chunkHead+count*chunkEntry > uint64(len(b)) {
		return bad("chunk's count is out of bounds")
	}
	c := chunk{
		queue:   binary.BigEndian.Uint32(key),
		first:   binary.BigEndian.Uint64(key[4:]),
		run:     binary.BigEndian.Uint64(b[crcSize:]),
		entries: b[chunkHead : chunkHead+count*chunkEntry],
	}
	rest := b[chunkHead+len(c.entries):]
	recordsEnd, payloadsEnd := uint64(c.recordEnd(c.count()-1)), uint64(c.payloadEnd(c.count()-1))
	if recordsEnd+payloadsEnd != uint64(len(rest)) {
		return bad("chunk's sizes don't add up")
	}
	c.records, c.payloads = rest[:recordsEnd], rest[recordsEnd:]
	if binary.BigEndian.Uint32(b) != checksum(key, b[crcSize:len(b)-len(c.payloads)]) {
		return bad("checksum doesn't match")
	}
	// What a right checksum covers was written by encode, so that its ends ascend and its run isn't after it; a crafted
	// image must not make this panic all the same.
	if c.run > c.first || c.first+count < c.first {
		return bad("chunk's sequences are out of bounds")
	}
	for i := 1; i < c.count(); i++ {
		if c.recordEnd(i) < c.recordEnd(i-1) || c.payloadEnd(i) < c.payloadEnd(i-1) {
			return bad("chunk's ends don't ascend")
		}
	}
	return c, nil
}

func (c chunk) count() int   { return len(c.entries) / chunkEntry }
func (c chunk) last() uint64 { return c.first + uint64(c.count()) - 1 }

func (c chunk) entry(i int) []byte { return c.entries[i*chunkEntry : (i+1)*chunkEntry] }

func (c chunk) id(i int) task.ID             { return task.ID(binary.BigEndian.Uint64(c.entry(i))) }
func (c chunk) recordEnd(i int) uint32       { return binary.BigEndian.Uint32(c.entry(i)[8:]) }
func (c chunk) payloadEnd(i int) uint32      { return binary.BigEndian.Uint32(c.entry(i)[12:]) }
func (c chunk) payloadCRC(i int) uint32      { return binary.BigEndian.Uint32(c.entry(i)[16:]) }
func (c chunk) has(sequence uint64) bool     { return sequence >= c.first && sequence <= c.last() }
func (c chunk) position(sequence uint64) int { return int(sequence - c.first) }

func (c chunk) record(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.recordEnd(i - 1)
	}
	return c.records[start:c.recordEnd(i)]
}

// payload returns the verified payload of a task; it points into the chunk.
func (c chunk) payload(i int) ([]byte, error) {
	start := uint32(0)
	if i > 0 {
		start = c.payloadEnd(i - 1)
	}
	p := c.payloads[start:c.payloadEnd(i)]
	id := taskKey(c.id(i))
	if checksum(id[:], p) != c.payloadCRC(i) {
		key := historyKey(c.queue, c.first)
		return nil, corrupt(bucketHistory, key[:], "payload of task "+c.id(i).String()+": checksum doesn't match")
	}
	return p, nil
}

// chunkTask is a task on its way into a chunk.
type chunkTask struct {
	id         task.ID
	record     []byte
	payload    []byte
	payloadCRC uint32
}

func (t chunkTask) size() int { return chunkEntry + len(t.record) + len(t.payload) }

// cutChunk returns how many of the tasks make up the next chunk.
func cutChunk(tasks []chunkTask) int {
	size := 0
	for i, t := range tasks {
		if size += t.size(); i > 0 && (i == chunkTasks || size > chunkBytes) {
			return i
		}
	}
	return len(tasks)
}

// encodeChunk writes the chunk of these tasks.
func encodeChunk(a *arena, key []byte, run uint64, tasks []chunkTask) []byte {
	records, payloads := 0, 0
	for _, t := range tasks {
		records += len(t.record)
		payloads += len(t.payload)
	}
	head := chunkHead + len(tasks)*chunkEntry
	b := a.make(head + records + payloads)
	binary.BigEndian.PutUint64(b[crcSize:], run)
	binary.BigEndian.PutUint32(b[crcSize+8:], uint32(len(tasks)))
	r, p := 0, 0
	for i, t := range tasks {
		r += copy(b[head+r:], t.record)
		p += copy(b[head+records+p:], t.payload)
		e := b[chunkHead+i*chunkEntry:]
		binary.BigEndian.PutUint64(e, uint64(t.id))
		binary.BigEndian.PutUint32(e[8:], uint32(r))
		binary.BigEndian.PutUint32(e[12:], uint32(p))
		binary.BigEndian.PutUint32(e[16:], t.payloadCRC)
	}
	binary.BigEndian.PutUint32(b, checksum(key, b[crcSize:head+records]))
	return b
}
