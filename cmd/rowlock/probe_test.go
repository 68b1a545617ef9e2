package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/store/bucket"
)

// probed is a destination whose probe ends so.
type probed struct {
	bucket.Bucket
	err error
}

func (p probed) Probe(context.Context) error { return p.err }
func (p probed) String() string              { return "s3://backups" }

// TestProbe: what somebody must mend refuses any server, what may pass only one that is new.
func TestProbe(t *testing.T) {
	fresh, member := t.TempDir(), t.TempDir()
	write(t, filepath.Join(member, "state.db"), "")
	down := errors.New("connection refused")
	for _, c := range []struct {
		dir  string
		err  error
		code int
	}{
		{fresh, nil, exitDone},
		{member, nil, exitDone},
		{fresh, fmt.Errorf("%w: no", bucket.ErrRefused), exitRefused},
		{member, fmt.Errorf("%w: no", bucket.ErrRefused), exitRefused},
		{member, fmt.Errorf("%w: no", bucket.ErrMissing), exitNotFound},
		{fresh, down, exitUnavailable},
		{member, down, exitDone},
	} {
		var log bytes.Buffer
		d := destination{"archive-to", probed{err: c.err}}
		err := d.probe(t.Context(), c.dir, slog.New(slog.NewTextHandler(&log, nil)))
		code := exitDone
		if err != nil {
			if code, _ = explain(t.Context(), err); !strings.HasPrefix(err.Error(), "--archive-to: ") {
				t.Errorf("%v doesn't name the flag", err)
			}
		}
		if code != c.code {
			t.Errorf("%v with state %t: exit code %d, want %d", c.err, c.dir == member, code, c.code)
		}
		if warned := strings.Contains(log.String(), "--archive-to"); warned != (c.err != nil && err == nil) {
			t.Errorf("%v with state %t: warned: %t", c.err, c.dir == member, warned)
		}
	}
	if _, err := os.Stat(filepath.Join(fresh, "state.db")); err == nil {
		t.Error("a probe made a state")
	}
}
