package writeback

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestWriter: a file has what was written, in pieces of any size, from any place on.
func TestWriter(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 5*step/16+7)
	for _, piece := range []int{1000, step - 1, step, 3 * step, len(want)} {
		for _, at := range []int64{0, 100, 2 * step} {
			path := filepath.Join(t.TempDir(), "file")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			w := New(f, at)
			for rest := want; len(rest) > 0; {
				n, err := w.Write(rest[:min(piece, len(rest))])
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := errors.Join(f.Sync(), f.Close()); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got[at:], want) {
				t.Errorf("pieces of %d from %d: %d bytes of %d, or others: %v", piece, at, len(got), len(want), err)
			}
		}
	}
}

// TestWriterFails: an error comes out, and what can't be handed to the disk in steps is written all the same.
func TestWriterFails(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	w := New(f, 0)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, step)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("to a closed file: %v", err)
	}
	r, p, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, r) // the count tells
		read <- n
	}()
	if n, err := New(p, 0).Write(make([]byte, 2*step)); n != 2*step || err != nil {
		t.Errorf("to a pipe: %d bytes, %v", n, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if n := <-read; n != 2*step {
		t.Errorf("%d bytes came out of the pipe", n)
	}
}
