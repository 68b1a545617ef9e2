//go:build linux

package exec_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/exec"
	"github.com/rowlock/rowlock/worker/workertest"
)

func handler(t *testing.T, config exec.Config) worker.HandlerFunc {
	t.Helper()
	h, err := exec.Handler(config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Each end of a program is the outcome of its row.
func TestOutcomes(t *testing.T) {
	for _, row := range []struct {
		command string
		kind    worker.OutcomeKind
		result  string
		err     string
	}{
		{"cat", worker.Completed, `{"a":1}`, ""},
		{"true", worker.Completed, "", ""},
		{"echo out; echo err >&2; exit 3", worker.Failed, "", "exit status 3: err"},
		{"exit 100", worker.FailedForGood, "", "exit status 100"},
		{"echo bad input >&2; exit 100", worker.FailedForGood, "", "exit status 100: bad input"},
		{"exit 75", worker.Snoozed, "", ""},
		{"kill -9 $$", worker.Failed, "", "signal: killed"},
		{"no-such-program-at-all", worker.Failed, "", "exit status 127"},
		{`echo "$ROWLOCK_TASK_ID $ROWLOCK_QUEUE $ROWLOCK_KIND $ROWLOCK_ATTEMPT $ROWLOCK_TOKEN $MORE"`, worker.Completed,
			"0000000000001 default job 2 1 yes\n", ""},
		{"pwd", worker.Completed, "/\n", ""},
		{`echo "$ROWLOCK_SCHEDULE $ROWLOCK_NOMINAL_TIME"`, worker.Completed, "nightly 2026-03-29T01:00:00Z\n", ""},
	} {
		h := handler(t, exec.Config{Command: row.command, Env: []string{"MORE=yes"}, Dir: "/", Snooze: time.Minute})
		r := workertest.RunRaw(t, h, "job", []byte(`{"a":1}`), workertest.Attempt(2), workertest.Task(func(t *worker.RawTask) {
			at := time.Date(2026, 3, 29, 3, 0, 0, 0, time.FixedZone("CEST", 2*3600))
			t.Related = worker.Related{Schedule: "nightly", NominalAt: at}
		}))
		if r.Kind != row.kind || string(r.Outcome.Result) != row.result {
			t.Errorf("%s: %v %q %v, want %v %q", row.command, r.Kind, r.Outcome.Result, r.Err, row.kind, row.result)
		}
		if row.err != "" && (r.Err == nil || !strings.Contains(r.Err.Error(), row.err)) {
			t.Errorf("%s: error %v, want %q", row.command, r.Err, row.err)
		}
		if row.kind == worker.Snoozed && r.Delay != time.Minute {
			t.Errorf("%s: snoozed for %v", row.command, r.Delay)
		}
	}
}

// A program learns of its batch, and of the one that called it back.
func TestBatch(t *testing.T) {
	h := handler(t, exec.Config{Command: `echo "$ROWLOCK_BATCH_ID $ROWLOCK_BATCH_CALLBACK"`})
	for want, of := range map[string]worker.Related{
		" \n": {}, "B \n": {BatchID: "B"}, "B on_death\n": {CallbackOf: "B", Callback: "on_death"},
	} {
		r := workertest.RunRaw(t, h, "job", nil, workertest.Task(func(t *worker.RawTask) { t.Related = of }))
		if string(r.Outcome.Result) != want {
			t.Errorf("%q, want %q", r.Outcome.Result, want)
		}
	}
}

// What a program writes is bounded: the head of its output, the tail of its errors. Input that it doesn't read is no
// failure.
func TestBounds(t *testing.T) {
	var log bytes.Buffer
	h := handler(t, exec.Config{Command: "head -c 1000000 /dev/zero", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := workertest.RunRaw(t, h, "job", bytes.Repeat([]byte("x"), 1<<20))
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "lost_bytes=934464") {
		t.Errorf("cut, and logged %q", &log)
	}
	if r.Kind != worker.Completed || len(r.Outcome.Result) != worker.MaxResultBytes {
		t.Errorf("%v with %d bytes, %v", r.Kind, len(r.Outcome.Result), r.Err)
	}
	h = handler(t, exec.Config{Command: "seq 1 100000 >&2; echo the end >&2; exit 1"})
	r = workertest.RunRaw(t, h, "job", nil)
	if text := r.Err.Error(); len(text) > 4<<10+100 || !strings.HasSuffix(text, "100000\nthe end") {
		t.Errorf("error of %d bytes: …%s", len(text), text[max(0, len(text)-20):])
	}
}

// When the context ends, the whole group is asked to end, and then killed. Nothing stays behind.
func TestContextEnds(t *testing.T) {
	for _, row := range []struct {
		name, command string
		kill          time.Duration
		within        time.Duration
	}{
		{"obeys", "echo $$ > $PIDS; sleep 100 & echo $! >> $PIDS; wait", time.Minute, 30 * time.Second},
		{"ignores TERM", "trap '' TERM; echo $$ > $PIDS; sleep 100 & echo $! >> $PIDS; while :; do wait; done", 50 * time.Millisecond, 30 * time.Second},
		// A worker that stops waits for five seconds.
		{"ignores TERM by default", "trap '' TERM; echo $$ > $PIDS; sleep 100 & echo $! >> $PIDS; while :; do wait; done", 0, 4500 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			h := handler(t, exec.Config{Command: row.command, Env: []string{"PIDS=" + pids}, KillAfter: row.kill})
			ctx, cancel := context.WithCancelCause(t.Context())
			cancelled := make(chan time.Time, 1)
			go func() {
				for len(readPIDs(pids)) < 2 {
					<-time.After(time.Millisecond)
				}
				cancelled <- time.Now()
				cancel(worker.ErrShutdown)
			}()
			r := workertest.RunRaw(t, h, "job", nil, workertest.Context(ctx))
			if r.Kind != worker.Released {
				t.Errorf("got %v %v, want released", r.Kind, r.Err)
			}
			if took := time.Since(<-cancelled); took > row.within {
				t.Errorf("took %v, want at most %v", took, row.within)
			}
			for _, pid := range readPIDs(pids) {
				awaitGone(t, pid)
			}
		})
	}
}

// What a program leaves behind in its group is killed when it has exited, and doesn't hold the task up.
func TestLeftBehind(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	h := handler(t, exec.Config{Command: "sleep 100 & echo $! > $PIDS; echo $! >> $PIDS; echo done", Env: []string{"PIDS=" + pids}})
	r := workertest.RunRaw(t, h, "job", nil)
	if r.Kind != worker.Completed || string(r.Outcome.Result) != "done\n" {
		t.Errorf("got %v %q %v", r.Kind, r.Outcome.Result, r.Err)
	}
	for _, pid := range readPIDs(pids) {
		awaitGone(t, pid)
	}
}

// readPIDs reads what a program wrote; nothing while the file isn't there.
func readPIDs(path string) []int {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitGone waits until a process doesn't run any more. One that waits for init to reap it is as good as gone.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

// A command that is no command is refused.
func TestConfig(t *testing.T) {
	if _, err := exec.Handler(exec.Config{Command: "  "}); err == nil {
		t.Error("took an empty command")
	}
}
