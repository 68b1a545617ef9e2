package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

// sealLog returns a copy of an entry whose extensions end with its checksum. Entries go to other members through
// GetLog, which takes it off again.
func sealLog(log *raft.Log) raft.Log {
	sealed := *log
	sealed.Extensions = binary.BigEndian.AppendUint32(append(make([]byte, 0, len(log.Extensions)+crcSize), log.Extensions...), logChecksum(log))
	return sealed
}

// unsealLog verifies an entry that was read and takes the checksum off.
func unsealLog(index uint64, log *raft.Log) error {
	n := len(log.Extensions) - crcSize
	if n < 0 {
		return fmt.Errorf("%w: no checksum", ErrCorrupt)
	}
	sum := binary.BigEndian.Uint32(log.Extensions[n:])
	log.Extensions = log.Extensions[:n:n]
	if n == 0 {
		log.Extensions = nil
	}
	if log.Index != index || sum != logChecksum(log) {
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
