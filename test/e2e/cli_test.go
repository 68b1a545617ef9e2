package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// listed is what a list prints of a task with -o json, as far as these tests look.
type listed struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Reason     string `json:"reason"`
	RetryCount int    `json:"retry_count"`
	Attempt    int    `json:"attempt"`
	WorkerID   string `json:"worker_id"`
}

// list runs a command that prints a JSON array of tasks.
func list(t *testing.T, n *process.Node, args ...string) []listed {
	t.Helper()
	var tasks []listed
	out := must(t, n, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &tasks); err != nil {
		t.Fatalf("rowlock %s printed no array of tasks: %v\n%s", strings.Join(args, " "), err, out)
	}
	return tasks
}

// TestDeadLetters lists, retries and purges dead letters.
func TestDeadLetters(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	healthy := filepath.Join(t.TempDir(), "healthy")
	work(t, n, "--queues", "q", "--exec", script(t, fmt.Sprintf("[ -e '%s' ] || { echo the server is down >&2; exit 100; }\n", healthy)))
	var ids []string
	for range 3 {
		id := enqueue(t, c, "q", `{"n":1}`)
		until(t, c, id, "it is dead", isState(client.DeadLetter))
		ids = append(ids, id)
	}
	dead := list(t, n, "dlq", "list", "--queue", "q")
	if len(dead) != 3 || dead[0].State != "dead_letter" || dead[0].Reason != "failed" || dead[0].ID != ids[0] {
		t.Errorf("listed %+v, want %v", dead, ids)
	}
	if table := must(t, n, "dlq", "list"); !strings.Contains(table, ids[1]) || !strings.Contains(table, "the server is down") {
		t.Errorf("the table tells neither ID nor error:\n%s", table)
	}

	touch(t, healthy)
	must(t, n, "dlq", "retry", ids[0])
	task := until(t, c, ids[0], "the retried one completes", isState(client.Completed))
	if len(task.Errors) != 1 {
		t.Errorf("the errors before the retry are gone: %v", task.Errors)
	}
	if code, _, stderr := rowlock(t, n, "dlq", "get", ids[0]); code == 0 || !strings.Contains(stderr, ids[0]) {
		t.Errorf("a completed task was shown as a dead letter: code %d, %q", code, stderr)
	}
	must(t, n, "dlq", "retry", "--queue", "q", "--yes")
	for _, id := range ids {
		until(t, c, id, "all complete", isState(client.Completed))
	}

	if err := os.Remove(healthy); err != nil {
		t.Fatal(err)
	}
	gone := enqueue(t, c, "q", `{"n":2}`)
	until(t, c, gone, "it is dead", isState(client.DeadLetter))
	must(t, n, "dlq", "purge", "--queue", "q", "--yes")
	if left := list(t, n, "dlq", "list"); len(left) != 0 {
		t.Errorf("left after the purge: %+v", left)
	}
	if code, _, _ := rowlock(t, n, "task", "get", gone); code != 3 {
		t.Errorf("exit code %d for a purged task, want 3", code)
	}
}

// TestStuck finds a task without progress and takes it from its worker, without burning an attempt.
func TestStuck(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	started := filepath.Join(t.TempDir(), "started")
	work(t, n, "--queues", "q", "--concurrency", "1", "--exec", script(t, fmt.Sprintf("echo $$ >>'%s'\nexec sleep 1000\n", started)))
	id := enqueue(t, c, "q", `1`)
	untilLines(t, started, 1)
	if stuck := list(t, n, "stuck", "list", "--older-than", "1h"); len(stuck) != 0 {
		t.Errorf("stuck for an hour: %+v", stuck)
	}
	eventually(t, "the task is stuck", func(context.Context) (bool, error) {
		stuck := list(t, n, "stuck", "list", "--older-than", "200ms")
		return slices.ContainsFunc(stuck, func(l listed) bool { return l.ID == id && l.State == "running" }), nil
	})
	must(t, n, "queue", "pause", "q")
	must(t, n, "stuck", "reset", "--older-than", "200ms", "--yes")
	task := until(t, c, id, "the task waits again", isState(client.Pending))
	if task.Attempt != 0 || task.RetryCount != 0 || task.WorkerDeaths != 0 {
		t.Errorf("attempt %d, %d failures, %d worker deaths", task.Attempt, task.RetryCount, task.WorkerDeaths)
	}
	if explained := must(t, n, "task", "explain", id); !strings.Contains(explained, "paused") {
		t.Errorf("explained as: %s", explained)
	}
	// Its worker is told to stop: the slot is free again.
	must(t, n, "queue", "resume", "q")
	untilLines(t, started, 2)
}

// TestBadInput gives the command line what it must refuse, with one clear line, and nothing half done.
func TestBadInput(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := filepath.Join(dir, "huge")
	file, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	line := `{"queue":"q","payload":1}` + "\n"
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a bad queue name", []string{"enqueue", "no spaces", "--payload", "1"}, 2, "QUEUE"},
		{"a queue name that is too long", []string{"enqueue", strings.Repeat("q", 129), "--payload", "1"}, 2, "QUEUE"},
		{"a payload that is no JSON", []string{"enqueue", "q", "--payload", "{"}, 2, "JSON"},
		{"a payload of 1 GiB", []string{"enqueue", "q", "--raw", "--payload", "@" + huge}, 2, "256 KiB"},
		{"a negative delay", []string{"enqueue", "q", "--delay", "-1s"}, 2, "delay"},
		{"a priority out of range", []string{"enqueue", "q", "--priority", "10"}, 2, "priority"},
		{"an unknown flag", []string{"enqueue", "q", "--pirority", "1"}, 2, "pirority"},
		{"an unknown command", []string{"enqeue", "q"}, 2, "enqueue"},
		{"a file that ends early", []string{"enqueue", "q", "--from-file", write("short", line+`{"queue":"q","payl`)}, 2, "line 2"},
		{"a file with garbage", []string{"enqueue", "q", "--from-file", write("garbage", line+"\x00\xff\xfe\n")}, 2, "line 2"},
		{"a file with an unknown field", []string{"enqueue", "q", "--from-file", write("unknown", line+`{"qeue":"q"}`)}, 2, "line 2"},
		{"no such file", []string{"enqueue", "q", "--from-file", filepath.Join(dir, "none")}, 2, "none"},
		{"no such task", []string{"task", "get", "0000000000001"}, 3, "0000000000001"},
		{"no task ID", []string{"task", "get", "what?"}, 2, "what?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := rowlock(t, n, c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("it said %q, want one line with %q", stderr, c.says)
			}
		})
	}
	if tasks := list(t, n, "task", "list"); len(tasks) != 0 {
		t.Errorf("half done: %+v", tasks)
	}
}
