package archive

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory, in bytes, that a damaged body can make the decoder take: a Writer uses at most half of it.
const maxWindow = 64 << 20

// Keys are what an archive is read with.
type Keys struct {
	Identities []age.Identity    // one of them decrypts the body
	Verify     ed25519.PublicKey // the manifest must be signed by it; nil: any signature, or none, will do
}

// Reader is an archive whose manifest has been checked.
type Reader struct {
	from       io.ReaderAt
	manifest   Manifest
	signer     ed25519.PublicKey
	identities []age.Identity
}

// Open reads the manifest of an archive of so many bytes, and checks all but the body.
//
// ErrFormat, ErrTruncated, ErrDamaged, ErrSignature: the archive is refused. Any other error is one of reading.
func Open(r io.ReaderAt, size int64, k Keys) (*Reader, error) {
	if err := checkMagic(r, size); err != nil {
		return nil, err
	}
	end := size - int64(trailerSize)
	if end < int64(len(magicLine)) {
		return nil, fmt.Errorf("%w: %d bytes", ErrTruncated, size)
	}
	b := make([]byte, trailerSize)
	if err := readAt(r, b, end); err != nil {
		return nil, err
	}
	t, err := decodeTrailer(b)
	if err != nil {
		return nil, err
	}
	start := end - t.length
	if start < int64(len(magicLine)) {
		return nil, fmt.Errorf("%w: a manifest of %d bytes is more than it holds", ErrTruncated, t.length)
	}
	b = make([]byte, t.length)
	if err := readAt(r, b, start); err != nil {
		return nil, err
	}
	if err := t.verify(b, k.Verify); err != nil {
		return nil, err
	}
	m, err := decodeManifest(b)
	if err != nil {
		return nil, err
	}
	if body := start - int64(len(magicLine)); body < m.Body.Size {
		return nil, fmt.Errorf("%w: it holds %d bytes of a body of %d", ErrTruncated, body, m.Body.Size)
	} else if body > m.Body.Size {
		return nil, damaged("it holds %d bytes where a body of %d should be", body, m.Body.Size)
	}
	return &Reader{from: r, manifest: m, signer: t.key, identities: k.Identities}, nil
}

// checkMagic looks at an object's beginning.
func checkMagic(r io.ReaderAt, size int64) error {
	b := make([]byte, min(size, int64(len(magicLine))))
	if err := readAt(r, b, 0); err != nil {
		return err
	}
	switch text := string(b); {
	case text == magicLine:
		return nil
	case strings.HasPrefix(magicLine, text):
		return fmt.Errorf("%w: %d bytes", ErrTruncated, size)
	case strings.HasPrefix(text, magicPrefix):
		return fmt.Errorf("%w: it begins with %q, this version knows %q", ErrFormat, text, magicLine)
	default:
		return fmt.Errorf("%w: it doesn't begin with %q", ErrFormat, strings.TrimSpace(magicLine))
	}
}

func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends at %d", ErrTruncated, off+int64(n))
	}
	return fmt.Errorf("read archive: %w", err)
}

// Manifest says what the archive holds.
func (r *Reader) Manifest() Manifest { return r.manifest }

// Signer is the key that the manifest is signed by; nil: it isn't signed.
func (r *Reader) Signer() ed25519.PublicKey { return r.signer }

// Body reads the plain bytes of the body from its beginning. They are verified as a whole: io.EOF comes only after all
// digests matched, and what was read before another error must not be used.
//
// ErrKey: no identity decrypts it. ErrDamaged, from here or from Read: it isn't what was written.
func (r *Reader) Body() (io.ReadCloser, error) {
	m := r.manifest.Body
	b := &body{manifest: m, plain: newDigester(io.Discard), raw: newDigester(io.Discard)}
	b.object = io.TeeReader(&faults{from: io.NewSectionReader(r.from, int64(len(magicLine)), m.Size), err: &b.fault}, b.raw)
	source := b.object
	if m.Encrypted() {
		if len(r.identities) == 0 {
			return nil, fmt.Errorf("%w: it is encrypted, and no identity was given", ErrKey)
		}
		var err error
		if source, err = age.Decrypt(b.object, r.identities...); err != nil {
			return nil, b.explain(err)
		}
	}
	d, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	b.zstd = d
	return b, nil
}

// body reads a body.
//
// Invariant: no more than the manifest's size is handed out, and io.EOF only when sizes and digests are the manifest's.
type body struct {
	manifest Body
	object   io.Reader // as it lies there
	zstd     *zstd.Decoder
	raw      *digester // of what was read of object
	plain    *digester
	fault    error // of reading the object
	end      error // what every Read says from now on
}

func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.zstd.Read(p)
	_, _ = b.plain.Write(p[:n])
	switch {
	case b.plain.n > b.manifest.PlainSize:
		b.end = damaged("the body is more than the %d bytes of its manifest", b.manifest.PlainSize)
		return 0, b.end
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.end = b.finish()
	default:
		b.end = b.explain(err)
	}
	return n, b.end
}

// finish reads what the decoders left, and compares.
func (b *body) finish() error {
	if _, err := io.Copy(io.Discard, b.object); err != nil {
		return b.explain(err)
	}
	switch {
	case b.raw.n != b.manifest.Size || b.raw.hex() != b.manifest.SHA256:
		return damaged("the body's digest doesn't match")
	case b.plain.n != b.manifest.PlainSize:
		return damaged("the body is %d bytes, not the %d of its manifest", b.plain.n, b.manifest.PlainSize)
	case b.plain.hex() != b.manifest.PlainSHA256:
		return damaged("the digest of the body's content doesn't match")
	}
	return io.EOF
}

// explain tells a fault of reading from a wrong key and from damage.
func (b *body) explain(err error) error {
	if b.fault != nil {
		return fmt.Errorf("read archive: %w", b.fault)
	}
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		// The digest of the rest says whether the key is wrong or the header damaged.
		if _, err := io.Copy(io.Discard, b.object); err == nil && b.raw.hex() != b.manifest.SHA256 {
			return damaged("the body's digest doesn't match")
		}
		return fmt.Errorf("%w: none of the given identities is one of its recipients", ErrKey)
	}
	return damaged("the body: %v", err)
}

func (b *body) Close() error {
	b.zstd.Close()
	return nil
}

// faults keeps the error of reading, other than the end, so that it isn't taken for damage.
type faults struct {
	from io.Reader
	err  *error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*f.err = err
	}
	return n, err
}

// CheckBody reads the body as it lies in the object, through what through makes of it, and compares its digest, which needs no key.
// nil, ErrDamaged, ctx's error or one of reading.
func (r *Reader) CheckBody(ctx context.Context, through func(io.Reader) io.Reader) error {
	m := r.manifest.Body
	sum := newDigester(io.Discard)
	from := through(io.NewSectionReader(r.from, int64(len(magicLine)), m.Size))
	for block := int64(1 << 20); sum.n < m.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(sum, from, min(block, m.Size-sum.n)); err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
	}
	if sum.hex() != m.SHA256 {
		return damaged("the body's digest doesn't match")
	}
	return nil
}
