package archive

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Options says how an archive is written.
type Options struct {
	Recipients []age.Recipient    // who can read the body; none: it isn't encrypted
	Signer     ed25519.PrivateKey // signs the manifest; nil: it isn't signed
	Level      int                // of zstd, 1 (fast) to 4 (small); 0: 1
}

// Writer writes one archive. It uses no goroutine: what isn't closed leaves nothing behind but a beginning that Open
// refuses.
type Writer struct {
	out     io.Writer // the object
	signer  ed25519.PrivateKey
	age     io.WriteCloser // nil: not encrypted
	zstd    *zstd.Encoder
	body    *digester // of what goes to out
	plain   *digester
	crypted bool
	err     error // the first, after which nothing is written
}

// digester counts and digests what is written through it.
type digester struct {
	to  io.Writer
	sum hash.Hash
	n   int64
}

func newDigester(to io.Writer) *digester { return &digester{to: to, sum: sha256.New()} }

func (d *digester) Write(b []byte) (int, error) {
	n, err := d.to.Write(b)
	d.sum.Write(b[:n])
	d.n += int64(n)
	return n, err
}

func (d *digester) hex() string { return hex.EncodeToString(d.sum.Sum(nil)) }

// Create begins an archive.
func Create(w io.Writer, o Options) (*Writer, error) {
	if o.Level == 0 {
		o.Level = int(zstd.SpeedFastest)
	}
	if o.Level < int(zstd.SpeedFastest) || o.Level > int(zstd.SpeedBestCompression) {
		return nil, fmt.Errorf("create archive: compression level %d isn't between 1 and 4", o.Level)
	}
	if o.Signer != nil && len(o.Signer) != ed25519.PrivateKeySize {
		return nil, errors.New("create archive: the signing key isn't an Ed25519 private key")
	}
	if _, err := io.WriteString(w, magicLine); err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	a := &Writer{out: w, signer: o.Signer, body: newDigester(w), crypted: len(o.Recipients) > 0}
	var to io.Writer = a.body
	if a.crypted {
		var err error
		if a.age, err = age.Encrypt(a.body, o.Recipients...); err != nil {
			return nil, fmt.Errorf("create archive: encrypt: %w", err)
		}
		to = a.age
	}
	var err error
	a.zstd, err = zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.EncoderLevel(o.Level)), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	a.plain = newDigester(a.zstd)
	return a, nil
}

// Write appends to the body.
func (a *Writer) Write(plain []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.plain.Write(plain)
	a.err = err
	return n, err
}

// Close ends the archive with the manifest, which it returns as it was written: with Format and Body filled in. It
// doesn't close the writer given to Create. After an error the object is none.
func (a *Writer) Close(m Manifest) (Manifest, error) {
	m, err := a.finish(m)
	if err != nil {
		a.err = err
		return Manifest{}, err
	}
	a.err = errors.New("archive is closed")
	return m, nil
}

func (a *Writer) finish(m Manifest) (Manifest, error) {
	if a.err != nil {
		return m, a.err
	}
	if err := a.zstd.Close(); err != nil {
		return m, err
	}
	m.Format = Format
	m.Body = Body{PlainSize: a.plain.n, PlainSHA256: a.plain.hex(), Compression: CompressionZstd}
	if a.crypted {
		m.Body.Encryption = EncryptionAge
		if err := a.age.Close(); err != nil {
			return m, err
		}
	}
	m.Body.Size, m.Body.SHA256 = a.body.n, a.body.hex()
	b, err := encodeManifest(m)
	if err != nil {
		return m, err
	}
	if m, err = decodeManifest(b); err != nil { // as a reader will see it
		return m, err
	}
	_, err = a.out.Write(append(b, encodeTrailer(b, a.signer)...))
	return m, err
}
