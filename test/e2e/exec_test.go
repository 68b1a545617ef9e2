package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
)

var quickRetry = client.Backoff(client.BackoffPolicy{Delays: []time.Duration{10 * time.Millisecond}})

// TestExec runs a program for each task: its output is the result, its exit code decides, its errors are kept.
func TestExec(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	work(t, n, "--queues", "q", "--concurrency", "4", "--exec", script(t, `
payload=$(cat)
case $payload in
  env) echo "$ROWLOCK_TASK_ID $ROWLOCK_QUEUE $ROWLOCK_KIND $ROWLOCK_ATTEMPT ${ROWLOCK_TOKEN:+token}" ;;
  second) echo once more >&2; [ "$ROWLOCK_ATTEMPT" = 2 ] || exit 1; echo at last ;;
  never) echo it never works >&2; exit 9 ;;
  permanent) echo no way >&2; exit 100 ;;
  later) exit 75 ;;
esac
`))
	run := func(payload string, options ...client.Option) string {
		receipt, err := c.Enqueue(limited(t), client.Raw("k", []byte(payload)), append(options, client.Queue("q"), quickRetry)...)
		if err != nil {
			t.Fatal(err)
		}
		return receipt.ID
	}
	env := run("env")
	task := until(t, c, env, "it completes", isState(client.Completed))
	if got, want := strings.TrimSpace(string(task.Result)), env+" q k 1 token"; got != want {
		t.Errorf("the program saw %q, want %q", got, want)
	}
	task = until(t, c, run("second"), "it completes at the second attempt", isState(client.Completed))
	if strings.TrimSpace(string(task.Result)) != "at last" || task.RetryCount != 1 || !strings.Contains(task.Errors[0].Message, "once more") {
		t.Errorf("result %q, %d retries, errors %v", task.Result, task.RetryCount, task.Errors)
	}
	task = until(t, c, run("never", client.MaxAttempts(2)), "it is dead", isState(client.DeadLetter))
	if task.Reason != "attempts_exhausted" || len(task.Errors) != 2 || !strings.Contains(task.Errors[1].Message, "it never works") {
		t.Errorf("reason %s, errors %v", task.Reason, task.Errors)
	}
	task = until(t, c, run("permanent"), "it is dead at once", isState(client.DeadLetter))
	if task.Reason != "failed" || len(task.Errors) != 1 || !strings.Contains(task.Errors[0].Message, "no way") {
		t.Errorf("reason %s, errors %v", task.Reason, task.Errors)
	}
	task = until(t, c, run("later"), "it waits", isState(client.Scheduled))
	if task.RetryCount != 0 || task.Attempt != 0 {
		t.Errorf("a snooze burnt an attempt: attempt %d, %d retries", task.Attempt, task.RetryCount)
	}
}

// TestHTTPWorker calls a URL for each task.
func TestHTTPWorker(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch string(body) {
		case "busy":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case "bad":
			http.Error(w, "never seen such nonsense", http.StatusBadRequest)
		case "broken":
			http.Error(w, "out of order", http.StatusInternalServerError)
		default:
			fmt.Fprintf(w, "got %s", body)
		}
	}))
	defer server.Close()
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	work(t, n, "--queues", "q", "--http", server.URL+"/task")

	task := until(t, c, enqueue(t, c, "q", "fine"), "it completes", isState(client.Completed))
	if string(task.Result) != "got fine" {
		t.Errorf("result %q", task.Result)
	}
	task = until(t, c, enqueue(t, c, "q", "busy"), "it waits", isState(client.Scheduled))
	if wait := time.Until(task.RunAt); task.RetryCount != 0 || wait < 50*time.Minute {
		t.Errorf("%d retries, waits %s, want what Retry-After says", task.RetryCount, wait)
	}
	task = until(t, c, enqueue(t, c, "q", "bad"), "it is dead at once", isState(client.DeadLetter))
	if task.Reason != "failed" || !strings.Contains(fmt.Sprint(task.Errors), "nonsense") {
		t.Errorf("reason %s, errors %v", task.Reason, task.Errors)
	}
	task = until(t, c, enqueue(t, c, "q", "broken", client.MaxAttempts(2), quickRetry), "it is dead after retries", isState(client.DeadLetter))
	if task.Reason != "attempts_exhausted" || task.RetryCount != 2 {
		t.Errorf("reason %s, %d retries", task.Reason, task.RetryCount)
	}
}
