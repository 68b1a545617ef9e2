package store

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crcSize is what a checksum takes in front of a value.
const crcSize = 4

// checksum is the CRC-32C over key and value, so that a value that turns up under another key is found too.
func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, value)
}

// frame returns checksum and value in memory of the arena.
func frame(a *arena, key, value []byte) []byte {
	b := a.make(crcSize + len(value))
	copy(b[crcSize:], value)
	seal(key, b)
	return b
}

// seal writes the checksum in front of a value that already stands behind the place for it.
func seal(key, framed []byte) {
	binary.BigEndian.PutUint32(framed, checksum(key, framed[crcSize:]))
}

// unframe returns the value if its checksum is right.
func unframe(bucket string, key, framed []byte) ([]byte, error) {
	if len(framed) < crcSize {
		return nil, corrupt(bucket, key, "value is too short for a checksum")
	}
	value := framed[crcSize:]
	if binary.BigEndian.Uint32(framed) != checksum(key, value) {
		return nil, corrupt(bucket, key, "checksum doesn't match")
	}
	return value, nil
}
