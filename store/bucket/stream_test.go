package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// deaf takes a part of an object and fails then.
type deaf struct {
	Bucket
	err error
}

func (d *deaf) Put(_ context.Context, _ string, r io.Reader) (int64, error) {
	if _, err := io.CopyN(io.Discard, r, 1); err != nil {
		return 0, err
	}
	return 0, d.err
}

func TestStream(t *testing.T) {
	for name, b := range all(t) {
		want := noise(200_000)
		n, err := Stream(t.Context(), b, "x/one", func(_ context.Context, w io.Writer) error {
			_, err := w.Write(want)
			return err
		})
		if err != nil || n != int64(len(want)) || !bytes.Equal(readAll(t, b, "x/one"), want) {
			t.Errorf("%s: %d bytes: %v", name, n, err)
		}
		failed := errors.New("the writer failed")
		if _, err := Stream(t.Context(), b, "x/one", func(_ context.Context, w io.Writer) error {
			_, err := w.Write([]byte("part"))
			return errors.Join(err, failed)
		}); !errors.Is(err, failed) {
			t.Errorf("%s: a writer that fails: %v", name, err)
		}
		if !bytes.Equal(readAll(t, b, "x/one"), want) {
			t.Errorf("%s: the object that was there is another one now", name)
		}
	}
}

// TestStreamDestinationFails: a writer that waits for what never comes is told to end, and so is one that writes on.
func TestStreamDestinationFails(t *testing.T) {
	broken := errors.New("the destination failed")
	for name, write := range map[string]func(ctx context.Context, w io.Writer) error{
		"waits": func(ctx context.Context, w io.Writer) error {
			if _, err := w.Write([]byte("x")); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
		"writes on": func(_ context.Context, w io.Writer) error {
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return err
				}
			}
		},
	} {
		if _, err := Stream(t.Context(), &deaf{err: broken}, "x", write); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
