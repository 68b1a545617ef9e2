package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// TestDataDirectory starts servers on data directories that they must refuse, with one clear line.
func TestDataDirectory(t *testing.T) {
	used := t.TempDir()
	n := serve(t, used, nil)
	c := connect(t, n)
	id := enqueue(t, c, "q", strings.Repeat("x", 100_000))
	refused(t, "another process has it", used, "another process", "in use")
	stop(t, n.Process)

	// The directory is good: a refusal below is the damage's.
	n = serve(t, used, n)
	until(t, c, id, "the task is there", isState(client.Pending))
	stop(t, n.Process)

	damage := func(name string, do func(dir string)) {
		dir := copyDirectory(t, used)
		do(dir)
		refused(t, name, dir, dir)
	}
	for _, file := range []string{"state.db", "raft.db"} {
		damage("a truncated "+file, func(dir string) { truncate(t, filepath.Join(dir, file), 5000) })
		damage("an empty "+file, func(dir string) { truncate(t, filepath.Join(dir, file), 0) })
		damage("garbage in "+file, func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Repeat("garbage ", 10_000)), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	touch(t, file)
	refused(t, "a file", file, file)
}

// refused starts a server that must end with an error of one line, which has one of the words.
func refused(t *testing.T, name, dir string, words ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		args := []string{"server", "--data-dir", dir, "--bootstrap-expect", "1", "--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
		code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		last := lines[len(lines)-1]
		if code == 0 || strings.Contains(stderr, "goroutine ") {
			t.Errorf("exit code %d:\n%s", code, stderr)
		}
		for _, word := range words {
			if strings.Contains(last, word) {
				return
			}
		}
		t.Errorf("the last line is %q, want one of %q in it", last, words)
	})
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func copyDirectory(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestDamagedPayload flips a bit of a payload on disk. It is never delivered, and all else goes on.
func TestDamagedPayload(t *testing.T) {
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	payload := strings.Repeat("x", 100_000)
	damaged := enqueue(t, c, "q", payload)
	stop(t, n.Process)

	path := filepath.Join(dir, "state.db")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte(payload[:1000]))
	if at < 0 {
		t.Fatal("the payload isn't in the file")
	}
	content[at+500] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}

	n = serve(t, dir, n)
	if task, err := c.Get(limited(t), damaged); err == nil {
		t.Errorf("a damaged payload of %d bytes was served", len(task.Payload))
	}
	ran := filepath.Join(t.TempDir(), "ran")
	work(t, n, "--queues", "q", "--exec", script(t, "cat >/dev/null\necho $ROWLOCK_TASK_ID >>'"+ran+"'\n"))
	eventually(t, "the lease is given back unburnt", func(ctx context.Context) (bool, error) {
		tasks, _, err := c.Page(ctx, client.Query{Queue: "q", OmitPayload: true})
		return len(tasks) == 1 && tasks[0].State == client.Scheduled && tasks[0].Attempt == 0, err
	})
	healthy := enqueue(t, c, "q", payload)
	until(t, c, healthy, "another task completes", isState(client.Completed))
	lines, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	if string(lines) != healthy+"\n" {
		t.Errorf("these tasks ran: %q, want only %s", lines, healthy)
	}
}
