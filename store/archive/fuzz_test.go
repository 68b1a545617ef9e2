package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"
)

// encodeTrailerCRC makes a changed trailer's checksum right again.
func encodeTrailerCRC(b []byte) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[trailerCRC:], crc32.Checksum(b[:trailerCRC], castagnoli))
	return b
}

// FuzzOpen reads any bytes as an archive, once as they are and once with the trailer's digests made right.
func FuzzOpen(f *testing.F) {
	for _, form := range forms(f)[:3] {
		b, _ := write(f, text(300), full(), form.options)
		f.Add(b)
	}
	f.Add([]byte(magicLine + "{}" + magicEnd))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, mend(b)} {
			r, err := Open(bytes.NewReader(b), int64(len(b)), Keys{})
			if err != nil {
				if !refused(err) {
					t.Fatal(err)
				}
				continue
			}
			body, err := r.Body()
			if err == nil {
				_, err = io.Copy(io.Discard, body)
			}
			if err != nil && !refused(err) {
				t.Fatal(err)
			}
		}
	})
}

// mend gives the bytes the digests of their manifest, so that the fuzzer gets past them.
func mend(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < trailerSize {
		return b
	}
	t := b[len(b)-trailerSize:]
	rest := b[:len(b)-trailerSize]
	if n := binary.BigEndian.Uint32(t); uint64(n) <= uint64(len(rest)) {
		sum := sha256.Sum256(rest[len(rest)-int(n):])
		copy(t[trailerDigest:], sum[:])
	}
	copy(t[trailerEnd:], magicEnd)
	copy(t, encodeTrailerCRC(t))
	return b
}
