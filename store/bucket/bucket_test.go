package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rowlock/rowlock/store/bucket/buckettest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, address string) Bucket {
	t.Helper()
	b, err := Open(t.Context(), address)
	must(t, err)
	return b
}

// all are one bucket of each kind.
func all(t *testing.T) map[string]Bucket {
	dir := t.TempDir()
	return map[string]Bucket{
		"directory": open(t, dir+"/a/b"),
		"file URL":  open(t, "file://"+dir+"/c"),
		"s3":        open(t, buckettest.Serve(t, "", nil)),
		"s3 prefix": open(t, buckettest.Serve(t, "deep/down/", nil)),
	}
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func readAll(t *testing.T, b Bucket, name string) []byte {
	t.Helper()
	o, err := b.Open(t.Context(), name)
	must(t, err)
	defer o.Close()
	got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	must(t, err)
	return got
}

func TestBucket(t *testing.T) {
	for kind, b := range all(t) {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			if list, err := b.List(ctx, ""); err != nil || len(list) != 0 {
				t.Errorf("an empty one has %v, %v", list, err)
			}
			if _, err := b.Open(ctx, "c/full/1"); !errors.Is(err, ErrNotFound) {
				t.Errorf("open of nothing: %v", err)
			}
			must(t, b.Remove(ctx, "c/full/1"))
			content := noise(100_000)
			for _, name := range []string{"c/log/2", "c/full/2", "c/full/1", "d/full/1"} {
				n, err := b.Put(ctx, name, bytes.NewReader(content))
				if err != nil || n != int64(len(content)) {
					t.Fatalf("put %s: %d, %v", name, n, err)
				}
			}
			n, err := b.Put(ctx, "c/full/2", strings.NewReader("replaced"))
			if err != nil || n != 8 {
				t.Fatal(n, err)
			}
			list, err := b.List(ctx, "c/")
			must(t, err)
			var names []string
			for _, i := range list {
				names = append(names, fmt.Sprint(i.Name, " ", i.Size))
				if i.Modified.IsZero() {
					t.Errorf("%s has no time", i.Name)
				}
			}
			if got := strings.Join(names, ", "); got != "c/full/1 100000, c/full/2 8, c/log/2 100000" {
				t.Error(got)
			}
			if got := readAll(t, b, "c/full/2"); string(got) != "replaced" {
				t.Errorf("%q", got)
			}
			o, err := b.Open(ctx, "d/full/1")
			must(t, err)
			defer o.Close()
			for _, off := range []int64{99_990, 0, 10, 50_000, 99_999} {
				got := make([]byte, 10)
				n, err := o.ReadAt(got, off)
				if want := content[off:min(off+10, 100_000)]; !bytes.Equal(got[:n], want) || (err != nil) != (len(want) < 10) {
					t.Errorf("at %d: %x, %v", off, got[:n], err)
				}
			}
			must(t, b.Remove(ctx, "c/full/2"))
			if _, err := b.Open(ctx, "c/full/2"); !errors.Is(err, ErrNotFound) {
				t.Errorf("open of what was removed: %v", err)
			}
		})
	}
}

type breaking struct {
	from io.Reader
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

// TestPutFails: when the source fails midway, or the caller gives up, there is nothing, or what was there before.
func TestPutFails(t *testing.T) {
	midway := errors.New("source failed")
	for kind, b := range all(t) {
		t.Run(kind, func(t *testing.T) {
			big := noise(partSize + 1000) // the first part is on its way when it fails
			_, err := b.Put(t.Context(), "c/full/1", &breaking{bytes.NewReader(big), midway})
			if !errors.Is(err, midway) {
				t.Errorf("put: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			_, err = b.Put(ctx, "c/full/1", &breaking{bytes.NewReader(nil), func() error { cancel(); return ctx.Err() }()})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			if list, err := b.List(t.Context(), ""); err != nil || len(list) != 0 {
				t.Errorf("left behind: %v, %v", list, err)
			}
			_, err = b.Put(t.Context(), "c/full/1", strings.NewReader("first"))
			must(t, err)
			if _, err := b.Put(t.Context(), "c/full/1", &breaking{strings.NewReader("second"), midway}); !errors.Is(err, midway) {
				t.Errorf("put again: %v", err)
			}
			if got := readAll(t, b, "c/full/1"); string(got) != "first" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

// TestS3Midway: the store breaks off the connection in the second part, for good.
func TestS3Midway(t *testing.T) {
	var parts atomic.Int32
	b := open(t, buckettest.Serve(t, "x", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == "2" {
				parts.Add(1)
				w.WriteHeader(http.StatusNotImplemented) // an error that isn't tried again
				return
			}
			h.ServeHTTP(w, r)
		})
	}))
	if _, err := b.Put(t.Context(), "c/full/1", bytes.NewReader(noise(2*partSize))); err == nil {
		t.Error("put succeeded")
	}
	if parts.Load() == 0 {
		t.Error("the second part never came")
	}
	if list, err := b.List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestS3Read: a read that breaks off goes on where it was; one that always does ends in an error.
func TestS3Read(t *testing.T) {
	var broken, always atomic.Bool
	b := open(t, buckettest.Serve(t, "x", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.Header.Get("Range") == "" || (!always.Load() && broken.Swap(true)) {
				h.ServeHTTP(w, r)
				return
			}
			cut := &cutWriter{ResponseWriter: w, left: 1000}
			if always.Load() {
				cut.left = 0
			}
			h.ServeHTTP(cut, r)
			panic(http.ErrAbortHandler)
		})
	}))
	content := noise(100_000)
	_, err := b.Put(t.Context(), "c/full/1", bytes.NewReader(content))
	must(t, err)
	if got := readAll(t, b, "c/full/1"); !bytes.Equal(got, content) || !broken.Load() {
		t.Error("another content")
	}
	always.Store(true)
	o, err := b.Open(t.Context(), "c/full/1")
	must(t, err)
	defer o.Close()
	if n, err := o.ReadAt(make([]byte, 10), 0); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes: %v", n, err)
	}
}

// cutWriter sends the header and so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(b []byte) (int, error) {
	n := min(len(b), c.left)
	c.left -= n
	_, err := c.ResponseWriter.Write(b[:n])
	return len(b), err
}

// TestS3Refuses: an error of the store says what to mend.
func TestS3Refuses(t *testing.T) {
	reply := func(status int, code string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
			})
		}
	}
	for _, c := range []struct {
		status int
		code   string
		want   error
		text   string
	}{
		{http.StatusForbidden, "AccessDenied", ErrRefused, "check the credentials"},
		{http.StatusForbidden, "InvalidAccessKeyId", ErrRefused, "check the credentials"},
		{http.StatusNotFound, "NoSuchBucket", ErrMissing, "there is no bucket backups"},
		{http.StatusInsufficientStorage, "XMinioStorageFull", ErrNoSpace, "no space"},
	} {
		t.Run(c.code, func(t *testing.T) {
			b := open(t, buckettest.Serve(t, "", reply(c.status, c.code)))
			if _, err := b.Put(t.Context(), "c/full/1", strings.NewReader("x")); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("put: %v", err)
			}
			if _, err := b.List(t.Context(), ""); !errors.Is(err, c.want) {
				t.Errorf("list: %v", err)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"":                              "it is empty",
		"ftp://host/x":                  "neither file nor s3",
		"s3:///x":                       "the bucket is missing",
		"s3://b?endpint=x":              `"endpint" is none of`,
		"s3://b?insecure=yes":           "neither true nor false",
		"s3://user:password@b/x":        "credentials don't belong",
		"s3://b/../x":                   "no prefix",
		"s3://b?endpoint=http://x:1/y/": "bad destination",
		"file://host/x":                 "give file:///dir",
	} {
		_, err := Open(t.Context(), address)
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("%s: the error shows the password: %v", address, err)
		}
	}
}

func TestNames(t *testing.T) {
	for kind, b := range all(t) {
		for _, name := range []string{"", ".", "../x", "/x", "x/", "a/../b", ".hidden", "a/.hidden"} {
			if _, err := b.Put(t.Context(), name, strings.NewReader("x")); !errors.Is(err, ErrAddress) {
				t.Errorf("%s: put %q: %v", kind, name, err)
			}
			if _, err := b.Open(t.Context(), name); !errors.Is(err, ErrAddress) {
				t.Errorf("%s: open %q: %v", kind, name, err)
			}
			if err := b.Remove(t.Context(), name); !errors.Is(err, ErrAddress) {
				t.Errorf("%s: remove %q: %v", kind, name, err)
			}
		}
	}
}
