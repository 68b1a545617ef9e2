package store

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// reseal makes a fuzzed value's checksum right, so that the decoder gets past it.
func reseal(key, b []byte, end int) []byte {
	b = bytes.Clone(b)
	if len(b) >= crcSize && end >= crcSize && end <= len(b) {
		sum := checksum(key, b[crcSize:end])
		b[0], b[1], b[2], b[3] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	}
	return b
}

func FuzzTaskValue(f *testing.F) {
	var a arena
	key := taskKey(7)
	f.Add(key[:], encodeTaskValue(&a, key[:], []byte("record"), taskValue{payload: []byte("payload"), payloadLen: 7}), 22)
	f.Add(key[:], encodeTaskValue(&a, key[:], nil, taskValue{payloadLen: 1 << 20, outside: true}), 16)
	f.Add([]byte{}, []byte{1, 2, 3}, 0)
	f.Fuzz(func(t *testing.T, key, b []byte, end int) {
		v, err := decodeTaskValue(key, reseal(key, b, end))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if again := encodeTaskValue(&a, key, v.record, v); !bytes.Equal(again[crcSize:], b[crcSize:]) {
			t.Errorf("%x is encoded as %x", b, again)
		}
		a.reset()
	})
}

func FuzzChunk(f *testing.F) {
	var a arena
	key := historyKey(1, 5)
	seed := encodeChunk(&a, key[:], 2, []chunkTask{{1, []byte("a"), []byte("bc"), 3}, {2, nil, nil, 0}})
	f.Add(key[:], seed, len(seed)-2)
	f.Add(key[:], seed[:chunkHead], chunkHead)
	last := historyKey(1, math.MaxUint64)
	f.Add(last[:], seed, len(seed)-2)
	f.Fuzz(func(t *testing.T, key, b []byte, end int) {
		c, err := decodeChunk(key, reseal(key, b, end))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		var tasks []chunkTask
		for i := range c.count() {
			payload, err := c.payload(i)
			if err != nil {
				return
			}
			tasks = append(tasks, chunkTask{c.id(i), c.record(i), payload, c.payloadCRC(i)})
		}
		if again := encodeChunk(&a, key, c.run, tasks); !bytes.Equal(again[crcSize:], b[crcSize:]) {
			t.Errorf("%x is encoded as %x", b, again)
		}
		a.reset()
	})
}

func FuzzIndex(f *testing.F) {
	var a arena
	key := indexKey(0, 1, 5)
	f.Add(key[:], encodeIndex(&a, key[:], []place{{1, 1, 5, 0}, {9, 1, 5, 1 << 30}}))
	f.Add(key[:], []byte{1})
	f.Fuzz(func(t *testing.T, key, b []byte) {
		x, err := decodeIndex(key, reseal(key, b, len(b)))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		for id := range task.ID(1 << groupBits) {
			x.find(id)
		}
	})
}

func FuzzPosition(f *testing.F) {
	var a arena
	f.Add(encodePosition(&a, Position{1, 2, []byte("configuration"), 3}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePosition(reseal(keyPosition, b, len(b)))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if again := encodePosition(&a, p); !bytes.Equal(again[crcSize:], b[crcSize:]) {
			t.Errorf("%x is encoded as %x", b, again)
		}
		a.reset()
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"format":1,"node_id":"a","incarnation":"b","cluster_id":"c"}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := decodeIdentity(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
			return
		}
		again, err := encodeIdentity(id)
		if err != nil {
			return // it grew over the bound by indentation
		}
		if got, err := decodeIdentity(again); err != nil || got != id {
			t.Errorf("%+v becomes %+v, %v", id, got, err)
		}
	})
}

func FuzzLogEntry(f *testing.F) {
	sealed := sealLog(entry(3, 20))
	f.Add(uint64(3), sealed.Data, sealed.Extensions, uint64(2))
	f.Add(uint64(1), []byte{}, []byte{1, 2}, uint64(0))
	f.Fuzz(func(t *testing.T, index uint64, data, extensions []byte, term uint64) {
		l := raft.Log{Index: index, Term: term, Data: data, Extensions: bytes.Clone(extensions)}
		if err := unsealLog(index, &l); err == nil {
			if again := sealLog(&l); !bytes.Equal(again.Extensions, extensions) {
				t.Errorf("%x is sealed as %x", extensions, again.Extensions)
			}
		} else if !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	})
}

// FuzzPages changes bytes of a state file and walks it; what passes, bbolt must open and read without a panic.
func FuzzPages(f *testing.F) {
	p := newSample(f)
	f.Add(5000, []byte{1})
	f.Add(8192, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(40, []byte("x"))
	f.Fuzz(func(t *testing.T, at int, patch []byte) {
		if at < 0 || at > len(p.data)-len(patch) {
			return
		}
		data := bytes.Clone(p.data)
		copy(data[at:], patch)
		q := *p
		q.path = filepath.Join(t.TempDir(), "fuzzed.db")
		must(t, os.WriteFile(q.path, data, 0o600))
		if err := q.read(); err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) && !q.isBefore() {
			t.Error(err)
		}
	})
}
