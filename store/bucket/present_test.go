package bucket

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/store/bucket/buckettest"
)

// TestPresent: a destination is missing until something is there; a bucket is there by itself.
func TestPresent(t *testing.T) {
	for kind, b := range all(t) {
		t.Run(kind, func(t *testing.T) {
			err := b.Present(t.Context())
			if kind == "s3" {
				must(t, err)
			} else if !errors.Is(err, ErrMissing) {
				t.Errorf("of nothing: %v", err)
			}
			must(t, b.Probe(t.Context()))
			_, err = b.Put(t.Context(), "c/full/1", strings.NewReader("x"))
			must(t, err)
			must(t, b.Present(t.Context()))
			must(t, b.Probe(t.Context()))
			if list, err := b.List(t.Context(), ""); err != nil || len(list) != 1 {
				t.Errorf("a probe leaves %v, %v", list, err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := open(t, file).Present(t.Context()); !errors.Is(err, ErrMissing) {
		t.Errorf("of a file: %v", err)
	}
}

// TestProbeRefuses tells what somebody must mend from what may pass.
func TestProbeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := open(t, file+"/below").Probe(t.Context()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "choose another directory") {
		t.Errorf("below a file: %v", err)
	}
	for code, want := range map[string]error{"AccessDenied": ErrRefused, "NoSuchBucket": ErrMissing} {
		status := map[error]int{ErrRefused: http.StatusForbidden, ErrMissing: http.StatusNotFound}[want]
		b := open(t, buckettest.Serve(t, "", func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
			})
		}))
		if err := b.Probe(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
		if err := b.Present(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}
