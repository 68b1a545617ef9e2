package store

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestImageGivesBack: what has been read of an image takes no room on the disk any more.
func TestImageGivesBack(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	must(t, err)
	const size = 3*giveBackStep + 5
	_, err = f.Write(make([]byte, size))
	must(t, err)
	_, err = f.Seek(0, io.SeekStart)
	must(t, err)
	blocks := func() int64 {
		info, err := f.Stat()
		must(t, err)
		return info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	before := blocks()
	i := &Image{file: f, size: size}
	n, err := io.Copy(io.Discard, struct{ io.Reader }{i})
	must(t, err)
	if left := blocks(); n != size || before < size || left >= giveBackStep {
		t.Errorf("%d of %d bytes read, %d of %d left", n, size, left, before)
	}
	must(t, i.Close())
}

// TestSpoolWriter: what is handed to the disk early is the same file.
func TestSpoolWriter(t *testing.T) {
	s := openTest(t, t.TempDir())
	fill(t, s, 3)
	v := viewTest(t, s)
	var sums []string
	for _, early := range []int64{0, 100, 1 << 40} {
		f, err := os.Create(filepath.Join(t.TempDir(), "image"))
		must(t, err)
		_, err = v.WriteTo(&spoolWriter{file: f, early: early})
		must(t, err)
		must(t, f.Close())
		b, err := os.ReadFile(f.Name())
		must(t, err)
		sums = append(sums, string(b))
	}
	if sums[0] != sums[1] || sums[1] != sums[2] || int64(len(sums[0])) != v.Size() {
		t.Errorf("copies of %d, %d and %d bytes of a state of %d differ", len(sums[0]), len(sums[1]), len(sums[2]), v.Size())
	}
}
