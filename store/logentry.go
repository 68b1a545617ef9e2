package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

// sealSize is what a seal adds to an entry's extensions: the size of its data and its checksum.
const sealSize = 4 + crcSize

// maxLogData bounds an entry's data, in bytes, by the number of pieces that it can be cut into.
const maxLogData = pieceSize << pieceBits

// sealLog returns a copy of an entry whose extensions end with its size and checksum. Entries go to other members
// through GetLog, which takes them off again.
func sealLog(log *raft.Log) raft.Log {
	sealed := *log
	b := append(make([]byte, 0, len(log.Extensions)+sealSize), log.Extensions...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(log.Data)))
	sealed.Extensions = binary.BigEndian.AppendUint32(b, logChecksum(log))
	return sealed
}

// sealedSize is the size of the data of the entry whose first piece this is.
func sealedSize(log *raft.Log) (int, error) {
	n := len(log.Extensions) - sealSize
	if n < 0 {
		return 0, fmt.Errorf("%w: no checksum", ErrCorrupt)
	}
	size := binary.BigEndian.Uint32(log.Extensions[n:])
	if size > maxLogData {
		return 0, fmt.Errorf("%w: size is out of bounds", ErrCorrupt)
	}
	return int(size), nil
}

// unsealLog verifies an entry that was read, pieced together, and takes the seal off.
func unsealLog(index uint64, log *raft.Log) error {
	size, err := sealedSize(log)
	if err != nil {
		return err
	}
	n := len(log.Extensions) - sealSize
	sum := binary.BigEndian.Uint32(log.Extensions[n+4:])
	log.Extensions = log.Extensions[:n:n]
	if n == 0 {
		log.Extensions = nil
	}
	if log.Index != index || size != len(log.Data) || sum != logChecksum(log) {
		return fmt.Errorf("%w: checksum doesn't match", ErrCorrupt)
	}
	return nil
}

// logChecksum covers all of an entry.
func logChecksum(log *raft.Log) uint32 {
	var head [37]byte
	binary.BigEndian.PutUint64(head[:], log.Index)
	binary.BigEndian.PutUint64(head[8:], log.Term)
	binary.BigEndian.PutUint64(head[16:], uint64(log.AppendedAt.Unix())) // UnixNano would wrap
	binary.BigEndian.PutUint32(head[24:], uint32(log.AppendedAt.Nanosecond()))
	binary.BigEndian.PutUint64(head[28:], uint64(len(log.Data)))
	head[36] = byte(log.Type)
	sum := crc32.Update(0, castagnoli, head[:])
	sum = crc32.Update(sum, castagnoli, log.Data)
	return crc32.Update(sum, castagnoli, log.Extensions)
}

// logOverhead is about what an entry takes on disk besides its data.
const logOverhead = 128

// logSize is about how many bytes an entry takes.
func logSize(log *raft.Log) uint64 { return uint64(len(log.Data)+len(log.Extensions)) + logOverhead }
