package task

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// errCorrupt is the only thing that a decoder of this package says of bytes that it can't have written.
var errCorrupt = errors.New("malformed encoding")

func appendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

func appendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// reader decodes what the append functions wrote. After an error it yields zeros; the caller checks done or bad at the
// end. It never yields a count that the remaining bytes couldn't hold, so that a hostile length allocates nothing.
//
// Invariant: strings and byte slices alias the input; whoever keeps one clones it.
type reader struct {
	b     []byte
	bad   bool
	spare *spareTasks // nil: none
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uintMax(limit uint64) uint64 {
	v := r.uint()
	if v > limit {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) byteMax(limit byte) byte {
	v := r.byte()
	if v > limit {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) bool() bool { return r.byteMax(1) == 1 }

func (r *reader) fixed64() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// string aliases the input, as bytes does.
func (r *reader) string() string {
	v := r.bytes()
	return unsafe.String(unsafe.SliceData(v), len(v))
}

// count reads the number of things that follow, each of at least one byte.
func (r *reader) count() int { return int(r.uintMax(uint64(len(r.b)))) }

// done returns errCorrupt unless everything was read and made sense.
func (r *reader) done() error {
	if r.bad || len(r.b) != 0 {
		return errCorrupt
	}
	return nil
}

func appendLabels(b []byte, labels []Label) []byte {
	b = appendUint(b, uint64(len(labels)))
	for _, l := range labels {
		b = appendBytes(b, l.Key)
		b = appendBytes(b, l.Value)
	}
	return b
}

func (r *reader) labels() []Label {
	n := r.count()
	if n == 0 {
		return nil
	}
	labels := make([]Label, n)
	for i := range labels {
		labels[i] = Label{Key: r.string(), Value: r.string()}
	}
	return labels
}

func appendIDs(b []byte, ids []ID) []byte {
	b = appendUint(b, uint64(len(ids)))
	for _, id := range ids {
		b = appendUint(b, uint64(id))
	}
	return b
}

func (r *reader) ids() []ID {
	n := r.count()
	if n == 0 {
		return nil
	}
	ids := make([]ID, n)
	for i := range ids {
		ids[i] = ID(r.uint())
	}
	return ids
}

func appendBackoff(b []byte, v Backoff) []byte {
	b = appendInt(b, v.Initial)
	b = appendInt(b, v.Maximum)
	b = appendUint(b, uint64(v.Multiplier))
	b = appendUint(b, uint64(len(v.Delays)))
	for _, d := range v.Delays {
		b = appendInt(b, d)
	}
	return b
}

func (r *reader) backoff() Backoff {
	v := Backoff{Initial: r.int(), Maximum: r.int(), Multiplier: uint32(r.uintMax(1<<32 - 1))}
	if n := r.count(); n > 0 {
		v.Delays = make([]Duration, n)
		for i := range v.Delays {
			v.Delays[i] = r.int()
		}
	}
	return v
}
