package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// line returns the first line that has all parts; empty: there is none.
func (j *journal) line(parts ...string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
lines:
	for line := range strings.Lines(j.text.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		return line
	}
	return ""
}

// Each failure is a line that says what to look for. A connection that never was isn't said to be lost.
func TestLog(t *testing.T) {
	f := startFake(t)
	j := &journal{}
	run(t, f, worker.Config{Name: "w1", Logger: slog.New(slog.NewTextHandler(j, nil))}, func(w *worker.Worker) {
		w.HandleFunc("broken", func(context.Context, *worker.RawTask) error { return errors.New("first\nsecond") })
		w.HandleFunc("hopeless", func(context.Context, *worker.RawTask) error { return worker.Permanent(errors.New("bad")) })
	})
	f.accept(t).end <- status.Error(codes.Unavailable, "not now")
	s := f.accept(t)
	if j.line("level=WARN", "no connection to the servers", "lost=false", "worker=w1", "not now") == "" || j.line("lost=true") != "" {
		t.Errorf("before the first connection: %s", &j.text)
	}
	s.welcome(session, time.Minute, false)
	s.give("broken", 1)
	s.give("hopeless", 2)
	s.outcome(1)
	s.outcome(2)
	s.send(&rowlockv1.WorkResponse{
		Tasks: []*rowlockv1.LeasedTask{{Id: "last", Token: 3, Kind: "broken", Attempt: 5, MaxAttempts: 5}},
		Refused: []*rowlockv1.Refusal{{
			Token: 1, Status: &rowlockv1.Status{Code: int32(codes.FailedPrecondition), Message: "too late"},
		}},
	})
	s.outcome(3)
	for _, parts := range [][]string{
		{`msg="a task failed"`, "worker=w1", "task=task-1", "kind=broken", "attempt=1", "error=first"},
		{`msg="a task failed"`, "for_good=true", "task=task-2", "kind=hopeless", "error=bad"},
		{`msg="a task failed"`, "for_good=true", "task=last", "attempt=5"},
		{`msg="an outcome was refused"`, "task=task-1", "kind=broken", "too late"},
	} {
		eventually(t, "a line with "+strings.Join(parts, " "), func() bool { return j.line(parts...) != "" })
	}
	if line := j.line("second"); line != "" {
		t.Errorf("more than the first line of an error: %s", line)
	}
	s.end <- status.Error(codes.Unavailable, "broken")
	eventually(t, "the lost connection", func() bool { return j.line("lost=true") != "" })
}
