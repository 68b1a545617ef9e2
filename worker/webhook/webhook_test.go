package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/webhook"
	"github.com/rowlock/rowlock/worker/workertest"
)

// serve starts a server, and returns a handler that calls it.
func serve(t *testing.T, config webhook.Config, answer http.HandlerFunc) worker.HandlerFunc {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	config.URL = s.URL + "/hook"
	h, err := webhook.Handler(config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Each status is the outcome of its row.
func TestOutcomes(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		status int
		after  string
		kind   worker.OutcomeKind
		delay  time.Duration
	}{
		{200, "", worker.Completed, 0},
		{201, "", worker.Completed, 0},
		{204, "", worker.Completed, 0},
		{304, "", worker.Failed, 0},
		{400, "", worker.FailedForGood, 0},
		{404, "", worker.FailedForGood, 0},
		{408, "", worker.Failed, 0},
		{429, "7", worker.Snoozed, 7 * time.Second},
		{429, "", worker.Snoozed, time.Minute},
		{429, "nonsense", worker.Snoozed, time.Minute},
		{429, "-5", worker.Snoozed, 0},
		{429, "999999999", worker.Snoozed, 24 * time.Hour},
		{503, "Tue, 01 Jan 2030 00:00:30 GMT", worker.Snoozed, 30 * time.Second},
		{500, "", worker.Failed, 0},
		{502, "", worker.Failed, 0},
	} {
		h := serve(t, webhook.Config{Snooze: time.Minute, Now: func() time.Time { return now }}, func(w http.ResponseWriter, _ *http.Request) {
			if row.after != "" {
				w.Header().Set("Retry-After", row.after)
			}
			w.WriteHeader(row.status)
			_, _ = io.WriteString(w, "body")
		})
		r := workertest.RunRaw(t, h, "job", nil)
		if r.Kind != row.kind || r.Delay != row.delay {
			t.Errorf("%d %q: %v %v %v, want %v %v", row.status, row.after, r.Kind, r.Delay, r.Err, row.kind, row.delay)
		}
		if r.Err != nil && row.status != 304 && !strings.HasSuffix(r.Err.Error(), ": body") {
			t.Errorf("%d: the error lacks the body: %v", row.status, r.Err)
		}
	}
}

// The request has everything that a receiver needs.
func TestRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	h := serve(t, webhook.Config{Header: http.Header{"X-Secret": {"s"}}}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
		got <- r
	})
	r := workertest.RunRaw(t, h, "job", []byte(`{"a":1}`), workertest.Attempt(2), workertest.Task(func(t *worker.RawTask) {
		t.TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		t.Related = worker.Related{
			Schedule: "nightly", NominalAt: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), CallbackOf: "B", Callback: "on_success",
		}
	}))
	if string(r.Outcome.Result) != `{"a":1}` {
		t.Errorf("result %q", r.Outcome.Result)
	}
	request := <-got
	if request.Method != http.MethodPost || request.URL.Path != "/hook" {
		t.Errorf("%s %s", request.Method, request.URL)
	}
	for name, want := range map[string]string{
		"Content-Type":      "application/json",
		"X-Rowlock-Task-Id": "0000000000001",
		"X-Rowlock-Queue":   "default",
		"X-Rowlock-Kind":    "job",
		"X-Rowlock-Attempt": "2",
		"X-Rowlock-Token":   "1",
		"Traceparent":       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"X-Secret":          "s",

		"X-Rowlock-Schedule":       "nightly",
		"X-Rowlock-Nominal-Time":   "2026-03-29T01:00:00Z",
		"X-Rowlock-Batch-Id":       "B",
		"X-Rowlock-Batch-Callback": "on_success",
	} {
		if v := request.Header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
}

// A redirect is a failure that says where it would have gone: following it would lose the payload. A payload that isn't
// JSON isn't called so.
func TestRedirect(t *testing.T) {
	calls, contentType := 0, ""
	h := serve(t, webhook.Config{}, func(w http.ResponseWriter, r *http.Request) {
		calls++
		contentType = r.Header.Get("Content-Type")
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	r := workertest.RunRaw(t, h, "job", []byte("no JSON"))
	if r.Kind != worker.Failed || calls != 1 || !strings.Contains(r.Err.Error(), `302 Found: the redirect to "/elsewhere" is not followed`) {
		t.Errorf("%v after %d calls: %v", r.Kind, calls, r.Err)
	}
	if contentType != "application/octet-stream" {
		t.Errorf("the payload was sent as %s", contentType)
	}
}

// A call ends when its time is over, or when the lease is lost. An answer is read up to a bound.
func TestBounds(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	r := workertest.RunRaw(t, serve(t, webhook.Config{Timeout: 20 * time.Millisecond}, hang), "job", nil)
	if r.Kind != worker.Failed || !errors.Is(r.Err, context.DeadlineExceeded) {
		t.Errorf("hung: %v %v", r.Kind, r.Err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(worker.ErrShutdown)
	r = workertest.RunRaw(t, serve(t, webhook.Config{}, hang), "job", nil, workertest.Context(ctx))
	if r.Kind != worker.Released {
		t.Errorf("shut down: %v %v", r.Kind, r.Err)
	}
	flood := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 4<<20)) // the receiver hangs up
	}
	r = workertest.RunRaw(t, serve(t, webhook.Config{}, flood), "job", nil)
	if r.Kind != worker.Completed || len(r.Outcome.Result) != worker.MaxResultBytes {
		t.Errorf("flood: %v with %d bytes", r.Kind, len(r.Outcome.Result))
	}
}

// Bad configurations are refused.
func TestConfig(t *testing.T) {
	for _, config := range []webhook.Config{
		{}, {URL: "example.com"}, {URL: "ftp://example.com"}, {URL: "http://"}, {URL: "http://x", Timeout: -1}, {URL: "%"},
	} {
		if _, err := webhook.Handler(config); err == nil {
			t.Errorf("took %+v", config)
		}
	}
}
