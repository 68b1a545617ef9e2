package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/minio/minio-go/v7"
)

// readAttempts is how often a read is begun again where it broke off.
const readAttempts = 4

// s3Object reads an object. Reads that follow each other share one request.
type s3Object struct {
	ctx    context.Context // an io.ReaderAt has no other way to get one
	bucket *s3
	name   string
	size   int64
	etag   string // all reads are of the same object

	mu     sync.Mutex // guards the rest
	stream io.ReadCloser
	at     int64 // where the stream is
}

func (o *s3Object) Size() int64 { return o.size }

// ReadAt reads from the stream if it is there, or begins one.
func (o *s3Object) ReadAt(b []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if off < 0 {
		return 0, errors.New("read object: negative offset")
	}
	want := int(min(int64(len(b)), max(0, o.size-off)))
	n, attempts := 0, 0
	for n < want {
		if err := o.seek(off + int64(n)); err != nil {
			return n, err
		}
		k, err := io.ReadFull(o.stream, b[n:want])
		n += k
		o.at += int64(k)
		if err == nil {
			break
		}
		o.drop()
		if k > 0 {
			attempts = 0
		}
		if attempts++; attempts == readAttempts || o.ctx.Err() != nil {
			return n, o.bucket.explain("read", o.name, err)
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// seek makes sure that the stream is at the offset.
func (o *s3Object) seek(off int64) error {
	if o.stream != nil && o.at == off {
		return nil
	}
	o.drop()
	var opts minio.GetObjectOptions
	if err := errors.Join(opts.SetRange(off, o.size-1), opts.SetMatchETag(o.etag)); err != nil {
		return fmt.Errorf("read %s: %w", o.name, err)
	}
	core := minio.Core{Client: o.bucket.client}
	stream, _, _, err := core.GetObject(o.ctx, o.bucket.bucket, o.bucket.prefix+o.name, opts)
	if err != nil {
		return o.bucket.explain("read", o.name, err)
	}
	o.stream, o.at = stream, off
	return nil
}

func (o *s3Object) drop() {
	if o.stream != nil {
		o.stream.Close()
		o.stream = nil
	}
}

// Close ends the request.
func (o *s3Object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop()
	return nil
}
