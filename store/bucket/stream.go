package bucket

import (
	"context"
	"errors"
	"io"
)

// errEnded is what the writing side of Stream gets when the destination has failed.
var errEnded = errors.New("the destination takes no more")

// Stream puts an object of what write writes, and returns its size. The context of write ends when the destination fails.
// After an error there is no object, or the one that was there before.
//
// Its error is that of write, or else that of Put.
func Stream(ctx context.Context, to Bucket, name string, write func(ctx context.Context, w io.Writer) error) (size int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := write(ctx, w)
		_ = w.CloseWithError(err) // nil is the end of the object
		wrote <- err
	}()
	size, putErr := to.Put(ctx, name, r)
	_ = r.CloseWithError(errEnded)
	if putErr != nil { // the writing side may wait for what never comes
		select {
		case err := <-wrote:
			wrote <- err
		default:
			cancel()
		}
	}
	switch writeErr := <-wrote; {
	case putErr == nil:
		return size, writeErr
	case writeErr != nil && errors.Is(putErr, writeErr): // the destination only passes on what came to it
		return 0, writeErr
	default:
		return 0, putErr
	}
}
