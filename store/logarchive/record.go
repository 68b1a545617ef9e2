package logarchive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/hashicorp/raft"
)

// Entry is an entry of the Raft log.
type Entry struct {
	Index, Term uint64
	Type        raft.LogType
	Data        []byte
}

const (
	recordHead = 8 + 8 + 1 + 4
	recordCRC  = 4
	// maxData is far above what an entry of the log carries, in bytes.
	maxData = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrCorrupt says that the body of a log archive isn't what was written.
var ErrCorrupt = errors.New("the log archive is damaged")

// appendRecord encodes an entry.
func appendRecord(b []byte, e Entry) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint64(b, e.Index)
	b = binary.BigEndian.AppendUint64(b, e.Term)
	b = append(b, byte(e.Type))
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Data)))
	b = append(b, e.Data...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// recordReader decodes what appendRecord wrote.
type recordReader struct{ r *bufio.Reader }

func newRecordReader(r io.Reader) *recordReader { return &recordReader{bufio.NewReader(r)} }

// next returns the next entry, whose data is the caller's own. io.EOF: there is none. ErrCorrupt: it isn't what was written.
func (r *recordReader) next() (Entry, error) {
	var head [recordHead]byte
	n, err := io.ReadFull(r.r, head[:])
	if n == 0 && errors.Is(err, io.EOF) {
		return Entry{}, io.EOF
	}
	if err != nil {
		return Entry{}, broken("a record's head", err)
	}
	e := Entry{Index: binary.BigEndian.Uint64(head[:]), Term: binary.BigEndian.Uint64(head[8:]), Type: raft.LogType(head[16])}
	size := binary.BigEndian.Uint32(head[17:])
	if size > maxData {
		return Entry{}, fmt.Errorf("%w: entry %d claims %d bytes", ErrCorrupt, e.Index, size)
	}
	rest := make([]byte, size+recordCRC)
	if _, err := io.ReadFull(r.r, rest); err != nil {
		return Entry{}, broken(fmt.Sprintf("entry %d", e.Index), err)
	}
	e.Data = rest[:size:size]
	sum := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, e.Data)
	if sum != binary.BigEndian.Uint32(rest[size:]) {
		return Entry{}, fmt.Errorf("%w: the checksum of entry %d doesn't match", ErrCorrupt, e.Index)
	}
	return e, nil
}

// broken tells a body that ends too soon from one that can't be read.
func broken(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends within %s", ErrCorrupt, what)
	}
	return fmt.Errorf("read %s: %w", what, err)
}
