package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rowlock/rowlock/worker"
)

// The exit codes that mean something.
const (
	ExitPermanent = 100
	ExitSnooze    = 75
)

const (
	defaultSnooze = 30 * time.Second
	defaultKill   = 3 * time.Second
	errorTail     = 4 << 10
	// drainTime is how long output is still read when the program has exited: whoever inherited its pipes is dead by then.
	drainTime = time.Second
)

// Config says what to run.
type Config struct {
	// Command is run by /bin/sh -c.
	Command string
	// Env is added to the worker's own environment.
	Env []string
	// Dir is where the command runs; the worker's own directory where empty.
	Dir string
	// Snooze is for how long exit code 75 puts a task back; 30 s where zero.
	Snooze time.Duration
	// KillAfter is the time between SIGTERM and SIGKILL; 3 s where zero. A worker that stops waits for 5 s after the end
	// of its grace period: what takes longer to be killed may outlive it.
	KillAfter time.Duration
	// Logger is told about output that was cut; nil: nobody is.
	Logger *slog.Logger
}

// Handler returns a handler that runs the command once for each attempt.
func Handler(config Config) (worker.HandlerFunc, error) {
	if strings.TrimSpace(config.Command) == "" {
		return nil, errors.New("exec: no command")
	}
	if config.Snooze == 0 {
		config.Snooze = defaultSnooze
	}
	if config.KillAfter == 0 {
		config.KillAfter = defaultKill
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return config.run, nil
}

// run is one attempt.
func (c Config) run(ctx context.Context, t *worker.RawTask) error {
	parents, remove, err := writeParents(t)
	if err != nil {
		return err
	}
	defer func() {
		if err := remove(); err != nil {
			c.Logger.Warn("the file with the parents' results can't be removed", "path", parents, "error", err)
		}
	}()
	stdout := head{limit: worker.MaxResultBytes}
	stderr := tail{limit: errorTail}
	cmd := exec.Command("/bin/sh", "-c", c.Command)
	cmd.Dir = c.Dir
	cmd.Env = c.env(t)
	if parents != "" {
		cmd.Env = append(cmd.Env, "ROWLOCK_PARENTS_FILE="+parents)
	}
	cmd.Stdin = bytes.NewReader(t.Payload)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = drainTime
	err = runGroup(ctx, cmd, c.KillAfter)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	if err == nil && stdout.lost > 0 {
		c.Logger.Warn("the output is too large for a result, and was cut",
			"task", t.ID, "kind", t.Kind, "kept_bytes", len(stdout.bytes), "lost_bytes", stdout.lost)
	}
	return c.outcome(t, err, stdout.bytes, stderr.bytes)
}

func (c Config) env(t *worker.RawTask) []string {
	env := append(os.Environ(), c.Env...)
	env = append(env, related(&t.Related)...)
	env = append(env,
		"ROWLOCK_TASK_ID="+t.ID,
		"ROWLOCK_QUEUE="+t.Queue,
		"ROWLOCK_KIND="+t.Kind,
		"ROWLOCK_ATTEMPT="+strconv.Itoa(t.Attempt),
		"ROWLOCK_TOKEN="+strconv.FormatUint(t.Fence(), 10),
	)
	return env
}

// related names the schedule that made the task, and the batch that it is in, or that called it back: then also why.
func related(r *worker.Related) (env []string) {
	if r.Schedule != "" {
		env = append(env, "ROWLOCK_SCHEDULE="+r.Schedule, "ROWLOCK_NOMINAL_TIME="+r.NominalAt.UTC().Format(time.RFC3339))
	}
	switch {
	case r.CallbackOf != "":
		env = append(env, "ROWLOCK_BATCH_ID="+r.CallbackOf, "ROWLOCK_BATCH_CALLBACK="+r.Callback)
	case r.BatchID != "":
		env = append(env, "ROWLOCK_BATCH_ID="+r.BatchID)
	}
	return env
}

// outcome is what the program's end means.
func (c Config) outcome(t *worker.RawTask, err error, stdout, stderr []byte) error {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return t.SetResult(stdout)
	case !errors.As(err, &exit):
		return fmt.Errorf("exec: %w", err)
	case exit.ExitCode() == ExitSnooze:
		return worker.Snooze(c.Snooze)
	}
	failure := err
	if text := bytes.TrimSpace(stderr); len(text) > 0 {
		failure = fmt.Errorf("%w: %s", err, text)
	}
	if exit.ExitCode() == ExitPermanent {
		return worker.Permanent(failure)
	}
	return failure
}
