package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func opened(t *testing.T, b []byte, k Keys) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)), k)
	must(t, err)
	return r
}

func TestUnpack(t *testing.T) {
	plain := text(300_000)
	for _, f := range forms(t) {
		b, _ := write(t, plain, full(), f.options)
		path := filepath.Join(t.TempDir(), "state.db")
		var told int64
		must(t, opened(t, b, f.keys).Unpack(t.Context(), path, func(done, total int64) {
			if done <= told || total != int64(len(plain)) {
				t.Errorf("%s: %d of %d after %d", f.name, done, total, told)
			}
			told = done
		}))
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, plain) || told != int64(len(plain)) {
			t.Errorf("%s: %d bytes, %d of which were told: %v", f.name, len(got), told, err)
		}
		if err := opened(t, b, f.keys).Unpack(t.Context(), path, nil); !errors.Is(err, os.ErrExist) {
			t.Errorf("%s: over a file that is there: %v", f.name, err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: the file that was there is another one now: %v", f.name, err)
		}
	}
}

// TestUnpackFails: what isn't whole isn't left behind.
func TestUnpackFails(t *testing.T) {
	b, m := write(t, text(300_000), full(), Options{})
	flipped := bytes.Clone(b)
	flipped[int64(len(magicLine))+m.Body.Size-1] ^= 4
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		archive []byte
		ctx     context.Context
		want    error
	}{
		"damage":        {flipped, t.Context(), ErrDamaged},
		"context ended": {b, ended, context.Canceled},
	} {
		dir := t.TempDir()
		if err := opened(t, c.archive, Keys{}).Unpack(c.ctx, filepath.Join(dir, "x"), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v %v", name, left, err)
		}
	}
}

// TestUnpackNoSpace unpacks to a file system that is too small: the error says where and what helps.
func TestUnpackNoSpace(t *testing.T) {
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", 64<<10))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("mounting a small tmpfs, to fill it, needs root")
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	b, _ := write(t, text(300_000), full(), Options{})
	err = opened(t, b, Keys{}).Unpack(t.Context(), filepath.Join(dir, "x"), nil)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--temp-dir") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
