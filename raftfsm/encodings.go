package raftfsm

import (
	"slices"
	"sync"

	"github.com/rowlock/rowlock/task"
)

// smallEncoding is the largest buffer of the many that single tasks use; buffers of batches are kept apart, so that no
// single task holds one of their size.
const smallEncoding = 64 << 10

// newTaskRoom is about what a new task takes in a log entry beside its payload.
const newTaskRoom = 64

// smallEncodings and batchEncodings are buffers for encoded commands.
var smallEncodings, batchEncodings = sync.Pool{New: newEncoding}, sync.Pool{New: newEncoding}

func newEncoding() any { return new([]byte) }

// encode makes the bytes of commands, in a buffer that goes back by recycle.
func encode(cs []task.Command) *[]byte {
	pool, size := &smallEncodings, encodedSize(cs)
	if size > smallEncoding {
		pool = &batchEncodings
	}
	b := pool.Get().(*[]byte)
	*b = slices.Grow(*b, size)
	for _, c := range cs {
		*b = task.AppendCommand(*b, c)
	}
	return b
}

// recycle takes a buffer back.
func recycle(b *[]byte) {
	pool := &batchEncodings
	switch size := cap(*b); {
	case size <= smallEncoding:
		pool = &smallEncodings
	case size > 2*MaxEntryBytes:
		return
	}
	*b = (*b)[:0]
	pool.Put(b)
}

// encodedSize is about what the tasks of batches take; the rest is small.
func encodedSize(cs []task.Command) (size int) {
	for _, c := range cs {
		if e, ok := task.Inner(c).(*task.Enqueue); ok {
			for i := range e.Tasks {
				size += newTaskRoom + len(e.Tasks[i].Payload)
			}
		}
	}
	return size
}
