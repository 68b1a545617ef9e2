package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// script writes a program for `rowlock worker --exec` and returns the command.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return "exec " + path
}

// waitingScript is a program that appends its task's ID to a file and goes on when another file exists; it then prints
// what it is told.
func waitingScript(t *testing.T, started, release, prints string) string {
	return script(t, fmt.Sprintf("echo $ROWLOCK_TASK_ID >>'%s'\nwhile ! [ -e '%s' ]; do sleep 0.02; done\necho %s\n", started, release, prints))
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// untilLines waits until the file has so many lines.
func untilLines(t *testing.T, path string, lines int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s has %d lines", filepath.Base(path), lines), func(context.Context) (bool, error) {
		content, err := os.ReadFile(path)
		return strings.Count(string(content), "\n") >= lines, err
	})
}

// TestStoppedWorker stops a worker for longer than its TTL: its task runs elsewhere; when it wakes, its outcome is refused
// and it says so.
func TestStoppedWorker(t *testing.T) {
	n := serve(t, t.TempDir(), nil, "--session-ttl", "2s")
	c := connect(t, n)
	dir := t.TempDir()
	started, release := filepath.Join(dir, "started"), filepath.Join(dir, "release")

	first := work(t, n, "--queues", "q", "--concurrency", "1", "--name", "first", "--exec", waitingScript(t, started, release, "first"))
	id := enqueue(t, c, "q", `"x"`)
	untilLines(t, started, 1)
	before := until(t, c, id, "the first worker runs the task", isState(client.Running))

	signal(t, first, syscall.SIGSTOP)
	second := work(t, n, "--queues", "q", "--concurrency", "1", "--name", "second", "--exec", script(t, "echo second\n"))
	after := until(t, c, id, "the second worker has completed the task", isState(client.Completed))
	if after.WorkerID != "second" || strings.TrimSpace(string(after.Result)) != "second" || after.WorkerDeaths != 1 || after.RetryCount != 0 {
		t.Errorf("completed by %s with %q, %d worker deaths and %d failures", after.WorkerID, after.Result, after.WorkerDeaths, after.RetryCount)
	}

	// The program of the first worker ends, and the worker wakes to an outcome that nobody wants any more.
	touch(t, release)
	signal(t, first, syscall.SIGCONT)
	eventually(t, "the first worker notices that it lost the lease", func(context.Context) (bool, error) {
		return strings.Contains(first.Stderr.String(), "lease"), fmt.Errorf("it said %q", first.Stderr)
	})
	task := until(t, c, id, "the task is as it was", isState(client.Completed))
	if strings.TrimSpace(string(task.Result)) != "second" || task.Token <= before.Token {
		t.Errorf("result %q, token %d after %d", task.Result, task.Token, before.Token)
	}
	// It goes on working.
	stop(t, second)
	again := until(t, c, enqueue(t, c, "q", `"y"`), "the first worker works again", isState(client.Completed))
	if again.WorkerID != "first" {
		t.Errorf("worker %s", again.WorkerID)
	}
	stop(t, first)
}

// TestLeavingWorker ends a worker by SIGTERM: it finishes what it can within the grace period and gives back the rest,
// and no attempt is burnt.
func TestLeavingWorker(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	dir := t.TempDir()
	started, release := filepath.Join(dir, "started"), filepath.Join(dir, "release")

	w := work(t, n, "--queues", "quick,slow,idle", "--concurrency", "2", "--grace-period", "2s", "--exec",
		script(t, fmt.Sprintf(`echo $ROWLOCK_TASK_ID >>'%s'
if [ $ROWLOCK_QUEUE = quick ]; then
  while ! [ -e '%s' ]; do sleep 0.02; done
  exit
fi
exec sleep 100
`, started, release)))
	quick, slow := enqueue(t, c, "quick", `1`), enqueue(t, c, "slow", `2`)
	untilLines(t, started, 2)
	signal(t, w, syscall.SIGTERM)
	later := enqueue(t, c, "idle", `3`)
	touch(t, release)
	until(t, c, quick, "what can be finished is finished", isState(client.Completed))
	if code, err := w.Wait(limited(t)); err != nil || code != 0 {
		t.Errorf("exit code %d, error %v\n%s", code, err, w.Stderr)
	}
	for _, id := range []string{slow, later} {
		task := until(t, c, id, "what can't is given back", isState(client.Pending))
		if task.Attempt != 0 || task.RetryCount != 0 || task.WorkerDeaths != 0 {
			t.Errorf("task %s: attempt %d, %d failures, %d worker deaths", id, task.Attempt, task.RetryCount, task.WorkerDeaths)
		}
	}
}

// TestKilledWorker kills a worker while it runs a task, again and again: the task counts the deaths apart from failures,
// and is put aside as poison.
func TestKilledWorker(t *testing.T) {
	n := serve(t, t.TempDir(), nil, "--session-ttl", "2s")
	c := connect(t, n)
	started := filepath.Join(t.TempDir(), "started")
	id := enqueue(t, c, "q", `1`, client.MaxWorkerDeaths(2))
	for death, workers := 1, 1; death <= 2; workers++ {
		w := work(t, n, "--queues", "q", "--exec", script(t, fmt.Sprintf("echo $$ >>'%s'\nexec sleep 100\n", started)))
		untilLines(t, started, workers)
		until(t, c, id, "the task runs", isState(client.Running))
		kill(t, w)
		task := until(t, c, id, "the worker's session has ended", func(task *client.TaskInfo) bool { return task.State != client.Running })
		if task.WorkerDeaths == death {
			death++
		} else if workers == 10 { // its word that it had started the task may have died with it, but not each time
			t.Fatalf("after %d deaths the task counts %d", workers, task.WorkerDeaths)
		}
	}
	task := until(t, c, id, "the task is poison", isState(client.DeadLetter))
	if task.Reason != "poison" || task.RetryCount != 0 {
		t.Errorf("reason %s, %d failures", task.Reason, task.RetryCount)
	}
}
