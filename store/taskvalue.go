package store

import (
	"encoding/binary"
	"math"

	"github.com/rowlock/rowlock/task"
)

// inlinePayload is the largest payload, in bytes, that stands behind its task's record. A larger one has the bucket
// payload to itself: there a change of the task's state doesn't rewrite it.
const inlinePayload = 4 << 10

// A task's value:
//
//	crc(4)          over the key and all that follows up to the payload
//	record size(4)
//	payload size(4) its top bit: the payload is in the bucket payload
//	payload crc(4)  over the key and the payload
//	record
//	payload         unless it is in the bucket payload
//
// The payload's own checksum goes wherever the payload goes. It is made once, when the payload arrives, and checked when
// the payload is read, but not when it moves: a damaged payload stays known as damaged.
const (
	taskHeader = 16
	payloadOut = 1 << 31
)

// taskValue is a task's value, taken apart.
type taskValue struct {
	record     []byte
	payload    []byte // inline; nil if outside
	payloadLen int
	payloadCRC uint32
	outside    bool
}

// decodeTaskValue takes a value apart. The record is verified, the payload isn't.
func decodeTaskValue(key, b []byte) (taskValue, error) {
	if len(b) < taskHeader {
		return taskValue{}, corrupt(bucketTask, key, "value is too short")
	}
	recordLen := uint64(binary.BigEndian.Uint32(b[4:]))
	size := binary.BigEndian.Uint32(b[8:])
	v := taskValue{
		payloadLen: int(size &^ payloadOut),
		payloadCRC: binary.BigEndian.Uint32(b[12:]),
		outside:    size&payloadOut != 0,
	}
	rest := b[taskHeader:]
	inline := uint64(v.payloadLen)
	if v.outside {
		inline = 0
	}
	if recordLen+inline != uint64(len(rest)) {
		return taskValue{}, corrupt(bucketTask, key, "sizes don't add up")
	}
	if binary.BigEndian.Uint32(b) != checksum(key, b[crcSize:taskHeader+recordLen]) {
		return taskValue{}, corrupt(bucketTask, key, "checksum doesn't match")
	}
	v.record = rest[:recordLen:recordLen]
	if !v.outside {
		v.payload = rest[recordLen:]
	}
	return v, nil
}

// encodeTaskValue puts a value together: with the record given, and v's payload and payload checksum as they are.
func encodeTaskValue(a *arena, key, record []byte, v taskValue) []byte {
	b := a.make(taskHeader + len(record) + len(v.payload))
	size := uint32(v.payloadLen)
	if v.outside {
		size |= payloadOut
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(record)))
	binary.BigEndian.PutUint32(b[8:], size)
	binary.BigEndian.PutUint32(b[12:], v.payloadCRC)
	n := taskHeader + copy(b[taskHeader:], record)
	binary.BigEndian.PutUint32(b, checksum(key, b[crcSize:n]))
	copy(b[n:], v.payload)
	return b
}

// checkPayload verifies a payload against the checksum that travels with it.
func checkPayload(bucket string, key, payload []byte, crc uint32) error {
	if checksum(key, payload) != crc {
		return corrupt(bucket, key, "payload's checksum doesn't match")
	}
	return nil
}

// maxPayload bounds what the format can hold; the API's bound is far below.
const maxPayload = math.MaxInt32

// taskKey is a task's key in the buckets task and payload, and in its payload's checksum.
func taskKey(id task.ID) [8]byte {
	var k [8]byte
	binary.BigEndian.PutUint64(k[:], uint64(id))
	return k
}
