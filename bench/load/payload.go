package load

import (
	"encoding/binary"
	"math/rand/v2"
)

// sequenceBytes at the head of a payload number the task.
const sequenceBytes = 8

// payload makes a task's payload: its number, then bytes that don't compress.
func payload(size int, sequence uint64) []byte {
	p := make([]byte, size)
	binary.BigEndian.PutUint64(p, sequence)
	source := rand.NewPCG(sequence, 0)
	for i := sequenceBytes; i < size; i += 8 {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], source.Uint64())
		copy(p[i:], word[:])
	}
	return p
}

func sequenceOf(payload []byte) uint64 { return binary.BigEndian.Uint64(payload) }
