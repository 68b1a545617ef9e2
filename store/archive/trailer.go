package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	magicPrefix = "rowlock archive "
	magicLine   = magicPrefix + "1\n"
	magicEnd    = "RLKTRAIL"
)

// The trailer: length of the manifest (4), its SHA-256 (32), public key (32), signature (64), CRC-32C of what is before (4),
// magicEnd (8); big endian.
const (
	trailerDigest    = 4
	trailerKey       = trailerDigest + sha256.Size
	trailerSignature = trailerKey + ed25519.PublicKeySize
	trailerCRC       = trailerSignature + ed25519.SignatureSize
	trailerEnd       = trailerCRC + 4
	trailerSize      = trailerEnd + len(magicEnd)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// signed is what a signature is over.
func signed(manifest []byte) []byte { return append([]byte(magicLine), manifest...) }

func encodeTrailer(manifest []byte, key ed25519.PrivateKey) []byte {
	b := make([]byte, trailerSize)
	binary.BigEndian.PutUint32(b, uint32(len(manifest)))
	digest := sha256.Sum256(manifest)
	copy(b[trailerDigest:], digest[:])
	if key != nil {
		copy(b[trailerKey:], key.Public().(ed25519.PublicKey))
		copy(b[trailerSignature:], ed25519.Sign(key, signed(manifest)))
	}
	binary.BigEndian.PutUint32(b[trailerCRC:], crc32.Checksum(b[:trailerCRC], castagnoli))
	copy(b[trailerEnd:], magicEnd)
	return b
}

// trailer is what the end of an archive says.
type trailer struct {
	length    int64 // of the manifest
	digest    [sha256.Size]byte
	key       ed25519.PublicKey // nil: not signed
	signature []byte
}

// decodeTrailer reads the last trailerSize bytes.
func decodeTrailer(b []byte) (trailer, error) {
	if string(b[trailerEnd:]) != magicEnd {
		return trailer{}, fmt.Errorf("%w: the trailer is missing at its end", ErrTruncated)
	}
	if binary.BigEndian.Uint32(b[trailerCRC:]) != crc32.Checksum(b[:trailerCRC], castagnoli) {
		return trailer{}, damaged("the trailer's checksum doesn't match")
	}
	t := trailer{length: int64(binary.BigEndian.Uint32(b))}
	copy(t.digest[:], b[trailerDigest:])
	if key := b[trailerKey:trailerSignature]; !bytes.Equal(key, make([]byte, len(key))) {
		t.key, t.signature = bytes.Clone(key), bytes.Clone(b[trailerSignature:trailerCRC])
	}
	if t.length == 0 || t.length > maxManifest+1 {
		return trailer{}, damaged("a manifest of %d bytes", t.length)
	}
	return t, nil
}

// verify holds the manifest against the trailer, and the signature against the key that it must be by, if there is one.
func (t trailer) verify(manifest []byte, must ed25519.PublicKey) error {
	if sha256.Sum256(manifest) != t.digest {
		return damaged("the manifest's digest doesn't match")
	}
	if t.key != nil && !ed25519.Verify(t.key, signed(manifest), t.signature) {
		return damaged("the manifest isn't what was signed")
	}
	switch {
	case must == nil:
		return nil
	case t.key == nil:
		return fmt.Errorf("%w: it has no signature", ErrSignature)
	case !t.key.Equal(must):
		return fmt.Errorf("%w: it is signed by %s", ErrSignature, KeyText(t.key))
	}
	return nil
}

// KeyText shows a public key as base64.
func KeyText(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }
