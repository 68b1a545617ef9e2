package worker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

type count struct {
	N int `json:"n"`
}

func (count) Kind() string { return "count" }

const session = 7

// Each way in which a handler may end is the outcome of its row.
func TestOutcomes(t *testing.T) {
	f := startFake(t)
	handlers := map[string]worker.HandlerFunc{
		"nil":    func(context.Context, *worker.RawTask) error { return nil },
		"result": func(_ context.Context, t *worker.RawTask) error { return t.SetResult(map[string]int{"n": 1}) },
		"bytes":  func(_ context.Context, t *worker.RawTask) error { return t.SetResult([]byte("raw")) },
		"error":  func(context.Context, *worker.RawTask) error { return errors.New("broken \xff") },
		"long":   func(context.Context, *worker.RawTask) error { return errors.New(strings.Repeat("é", 5000)) },
		"good":   func(context.Context, *worker.RawTask) error { return worker.Permanent(errors.New("for good")) },
		"later":  func(context.Context, *worker.RawTask) error { return worker.RetryAfter(errors.New("x"), time.Minute) },
		"snooze": func(context.Context, *worker.RawTask) error {
			return fmt.Errorf("wrapped: %w", worker.Snooze(90*time.Second))
		},
		"panic":  func(context.Context, *worker.RawTask) error { panic("oh dear") },
		"goexit": func(context.Context, *worker.RawTask) error { runtime.Goexit(); return nil },
		"toolong": func(_ context.Context, t *worker.RawTask) error {
			return t.SetResult(make([]byte, worker.MaxResultBytes+1))
		},
	}
	failed := func(o *rowlockv1.Outcome) *rowlockv1.Failure { return o.GetFailed() }
	checks := map[string]func(o *rowlockv1.Outcome) bool{
		"nil":    func(o *rowlockv1.Outcome) bool { _, ok := o.GetResult().(*rowlockv1.Outcome_Completed); return ok },
		"result": func(o *rowlockv1.Outcome) bool { return string(o.GetCompleted()) == `{"n":1}` },
		"bytes":  func(o *rowlockv1.Outcome) bool { return string(o.GetCompleted()) == "raw" },
		"error": func(o *rowlockv1.Outcome) bool {
			return failed(o).GetMessage() == "broken \uFFFD" && !failed(o).GetPermanent()
		},
		"long": func(o *rowlockv1.Outcome) bool { return failed(o).GetMessage() == strings.Repeat("é", 2048) },
		"good": func(o *rowlockv1.Outcome) bool {
			return failed(o).GetMessage() == "for good" && failed(o).GetPermanent()
		},
		"later":  func(o *rowlockv1.Outcome) bool { return failed(o).GetRetryAfterSeconds() == 60 },
		"snooze": func(o *rowlockv1.Outcome) bool { return o.GetSnoozedSeconds() == 90 },
		"panic": func(o *rowlockv1.Outcome) bool {
			m := failed(o).GetMessage()
			return strings.HasPrefix(m, "panic: oh dear") && strings.Contains(m, "worker_test.go") && len(m) <= 4096
		},
		"goexit":  func(o *rowlockv1.Outcome) bool { return strings.Contains(failed(o).GetMessage(), "Goexit") },
		"toolong": func(o *rowlockv1.Outcome) bool { return strings.Contains(failed(o).GetMessage(), "too large") },
	}
	run(t, f, worker.Config{Concurrency: 2}, func(w *worker.Worker) {
		for kind, h := range handlers {
			w.HandleFunc(kind, h)
		}
		worker.Handle(w, func(_ context.Context, t *worker.Task[count]) error { return t.SetResult(t.Args.N + 1) })
	})
	s := f.accept(t)
	if got := len(s.hello.GetWorker().GetKinds()); got != len(handlers)+1 {
		t.Errorf("%d kinds, want %d", got, len(handlers)+1)
	}
	s.welcome(session, time.Minute, false)
	token := uint64(0)
	for kind, check := range checks {
		token++
		s.give(kind, token)
		if o := s.outcome(token); !check(o) {
			t.Errorf("%s: %v", kind, o)
		}
		s.ack(token)
	}
	s.give("count", 100)
	if o := s.outcome(100); string(o.GetCompleted()) != "2" {
		t.Errorf("typed: %v", o)
	}
}

// Arguments that don't fit are a failure for good; no payload at all leaves them zero.
func TestArguments(t *testing.T) {
	handler := worker.Typed(func(_ context.Context, t *worker.Task[count]) error { return t.SetResult(t.Args.N) })
	bad := &worker.RawTask{Kind: "count", Payload: []byte(`{"n":"x"}`)}
	if o := worker.Try(t.Context(), handler, bad, nil); o.Kind != worker.FailedForGood {
		t.Errorf("bad payload: %v", o)
	}
	empty := &worker.RawTask{Kind: "count"}
	if o := worker.Try(t.Context(), handler, empty, nil); o.Kind != worker.Completed || string(o.Result) != "0" {
		t.Errorf("no payload: %v", o)
	}
}

// The servers are told what has started and how far it is.
func TestStartedAndProgress(t *testing.T) {
	f := startFake(t)
	release := make(chan struct{})
	run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(_ context.Context, t *worker.RawTask) error {
			t.Progress(40, "getting there")
			<-release
			return nil
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("slow", 1)
	s.await("started", func(seen *seen) bool { return seen.started[1] })
	s.await("progress", func(seen *seen) bool {
		p := seen.progress[1]
		return p.GetPercent() == 40 && p.GetMessage() == "getting there" && p.GetTaskId() == "task-1"
	})
	close(release)
	s.outcome(1)
}

// A stream that breaks before the acknowledgement: the worker goes on with its session, and sends the outcome again.
func TestOutcomeResent(t *testing.T) {
	f := startFake(t)
	var runs atomic.Int32
	w := run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("quick", func(context.Context, *worker.RawTask) error { runs.Add(1); return nil })
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("quick", 1)
	s.outcome(1)
	s.end <- status.Error(codes.Unavailable, "broken")

	s = f.accept(t)
	held := s.hello.GetHeld()
	if s.hello.GetSessionId() != session || len(held) != 1 || held[0].GetToken() != 1 || held[0].GetTaskId() != "task-1" {
		t.Errorf("the worker went on with %v", s.hello)
	}
	s.welcome(session, time.Minute, false)
	s.outcome(1)
	s.ack(1)
	eventually(t, "the outcome is acknowledged", func() bool { return w.Stats().Unacknowledged == 0 })
	if n := runs.Load(); n != 1 {
		t.Errorf("the task ran %d times", n)
	}
}

// A session that is gone takes its leases with it: handlers are cancelled, and what they say is dropped. Outcomes that
// were there before are sent all the same: they may be recorded, and only the answer lost.
func TestFreshSession(t *testing.T) {
	f := startFake(t)
	cause, release := make(chan error, 1), make(chan struct{})
	none := 0
	w := run(t, f, worker.Config{Prefetch: &none}, func(w *worker.Worker) {
		w.HandleFunc("quick", func(context.Context, *worker.RawTask) error { return nil })
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			<-release
			return nil
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("quick", 1)
	s.give("slow", 2)
	s.outcome(1)
	s.await("started", func(seen *seen) bool { return seen.started[2] })
	s.end <- status.Error(codes.Unavailable, "broken")

	s = f.accept(t)
	s.welcome(session+1, time.Minute, true)
	if err := <-cause; !errors.Is(err, worker.ErrLeaseLost) {
		t.Errorf("cancelled with %v, want ErrLeaseLost", err)
	}
	s.await("one handler fewer", func(seen *seen) bool { return seen.capacity == 15 })
	close(release)
	s.await("all handlers", func(seen *seen) bool { return seen.capacity == 16 })
	s.outcome(1)
	s.send(&rowlockv1.WorkResponse{Refused: []*rowlockv1.Refusal{{
		Token: 1, Status: &rowlockv1.Status{Code: int32(codes.FailedPrecondition), Reason: "stale_token"},
	}}})
	eventually(t, "both outcomes are counted as refused", func() bool { return w.Stats().Refused == 2 })
	s.await("nothing was sent for the lost lease", func(seen *seen) bool { return seen.outcomes[2] == nil })
	if stats := w.Stats(); stats.Lost != 1 || stats.Connects != 2 {
		t.Errorf("stats: %+v", stats)
	}
}

// When the servers are silent for the session's time to live, the worker doesn't rely on its leases any more. What it
// says later is for the servers to judge.
func TestSilence(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	cause, release := make(chan error, 1), make(chan struct{})
	w := run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			<-release
			return nil
		})
	})
	s := f.accept(t)
	const ttl = 3 * time.Second // a busy machine answers in less
	s.welcome(session, ttl, false)
	s.await("a heartbeat", func(seen *seen) bool { return len(seen.beats) > 0 })
	s.give("slow", 1)
	s.await("started", func(seen *seen) bool { return seen.started[1] })
	s.silence()
	s = f.accept(t) // the worker gave the stream up, and tries again
	if err := <-cause; !errors.Is(err, worker.ErrLeaseLost) {
		t.Errorf("cancelled with %v, want ErrLeaseLost", err)
	}
	s.welcome(session, ttl, false)
	close(release)
	s.outcome(1)
	s.send(&rowlockv1.WorkResponse{Refused: []*rowlockv1.Refusal{{
		Token: 1, Status: &rowlockv1.Status{Code: int32(codes.FailedPrecondition), Reason: "stale_token"},
	}}})
	eventually(t, "the outcome is refused", func() bool { return w.Stats().Refused == 1 && w.Stats().Lost == 1 })
}

// A lease that the servers end cancels its handler with the cause that they give.
func TestRevocation(t *testing.T) {
	f := startFake(t)
	causes := make(chan error, 1)
	run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	for token, want := range []struct {
		reason string
		cause  error
	}{
		{"cancelled", worker.ErrCancelled}, {"timeout", worker.ErrTimeout}, {"reset", worker.ErrLeaseLost}, {"unknown", worker.ErrLeaseLost},
	} {
		token := uint64(token + 1)
		s.give("slow", token)
		s.await("started", func(seen *seen) bool { return seen.started[token] })
		s.send(&rowlockv1.WorkResponse{Revoked: []*rowlockv1.Revocation{{Token: token, Reason: want.reason}}})
		if got := <-causes; !errors.Is(got, want.cause) {
			t.Errorf("%s: cancelled with %v, want %v", want.reason, got, want.cause)
		}
	}
	s.await("no outcome for leases that are gone", func(seen *seen) bool { return len(seen.outcomes) == 0 })
}

// The worker ends an attempt by itself where the servers can't tell it that the time is over.
func TestTimeout(t *testing.T) {
	f := startFake(t)
	run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(ctx context.Context, _ *worker.RawTask) error {
			<-ctx.Done()
			return ctx.Err()
		})
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.send(&rowlockv1.WorkResponse{Tasks: []*rowlockv1.LeasedTask{{Id: "x", Token: 1, Kind: "slow", TimeoutSeconds: 0.01}}})
	if o := s.outcome(1); !strings.Contains(o.GetFailed().GetMessage(), "timed out after 10ms") {
		t.Errorf("got %v", o)
	}
}

// An outcome that makes no sense to the servers becomes a failure for good; one that they can't take now is sent again.
func TestRefusalKinds(t *testing.T) {
	f := startFake(t)
	run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("quick", func(_ context.Context, t *worker.RawTask) error { return t.SetResult("r") })
	})
	s := f.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("quick", 1, 2)
	s.outcome(1)
	s.outcome(2)
	s.send(&rowlockv1.WorkResponse{Refused: []*rowlockv1.Refusal{
		{Token: 1, Status: &rowlockv1.Status{Code: int32(codes.InvalidArgument), Message: "the result is too large"}},
		{Token: 2, Status: &rowlockv1.Status{Code: int32(codes.ResourceExhausted)}},
	}})
	s.await("a failure for good", func(seen *seen) bool {
		f := seen.outcomes[1].GetFailed()
		return f.GetPermanent() && f.GetMessage() == "the result is too large"
	})
	s.await("sent again", func(seen *seen) bool {
		n := 0
		for _, token := range seen.order {
			if token == 2 {
				n++
			}
		}
		return n == 2
	})
}

// Heartbeats carry the digest of what is held, and the list when the servers ask for it.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	release := make(chan struct{})
	run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("slow", func(context.Context, *worker.RawTask) error { <-release; return nil })
	})
	s := f.accept(t)
	s.welcome(session, 3*time.Second, false)
	s.give("slow", 11, 12)
	s.await("two started", func(seen *seen) bool { return len(seen.started) == 2 })
	s.await("a heartbeat with their digest", func(seen *seen) bool {
		for _, b := range seen.beats {
			if b.GetDigest() == fmix64(11)^fmix64(12) && !b.GetHasList() {
				return true
			}
		}
		return false
	})
	s.send(&rowlockv1.WorkResponse{Beat: &rowlockv1.BeatAck{WantList: true}})
	s.await("the list", func(seen *seen) bool {
		for _, b := range seen.beats {
			h := b.GetHeld()
			if b.GetHasList() && len(h) == 2 && h[0].GetToken() == 11 && h[1].GetToken() == 12 && h[0].GetStarted() {
				return true
			}
		}
		return false
	})
	close(release)
	s.outcome(11)
	s.outcome(12)
	s.ack(11, 12)
	s.await("nothing is held", func(seen *seen) bool { return seen.beats[len(seen.beats)-1].GetDigest() == 0 })
}

// fmix64 is written down a second time so that a slip in the first doesn't go unseen.
func fmix64(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}

// A server that refuses the worker for what it is ends it; one that is lost doesn't.
func TestRefusedWorker(t *testing.T) {
	f := startFake(t)
	w := run(t, f, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("x", func(context.Context, *worker.RawTask) error { return nil })
	})
	f.accept(t).end <- status.Error(codes.Unavailable, "not now")
	f.accept(t).end <- status.Error(codes.InvalidArgument, "queue names are letters")
	if err := <-w.result; err == nil || !strings.Contains(err.Error(), "queue names are letters") {
		t.Errorf("Run returned %v", err)
	}
}

// The worker goes on at the next address.
func TestNextAddress(t *testing.T) {
	first, second := startFake(t), startFake(t)
	run(t, first, worker.Config{}, func(w *worker.Worker) {
		w.HandleFunc("quick", func(context.Context, *worker.RawTask) error { return nil })
	}, second.addr)
	s := first.accept(t)
	s.welcome(session, time.Minute, false)
	s.give("quick", 1)
	s.outcome(1)
	first.stop()
	s = second.accept(t)
	if s.hello.GetSessionId() != session {
		t.Errorf("went on with session %d", s.hello.GetSessionId())
	}
	s.welcome(session, time.Minute, false)
	s.outcome(1)
}

// eventually waits for a condition, for at most a minute.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("did not come to pass: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}
