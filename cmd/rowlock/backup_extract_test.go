package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// call runs a command and returns its exit code and what it printed.
func call(addr string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(context.Background(), args, strings.NewReader(""), &out, &err, []string{"ROWLOCK_ADDR=" + addr})
	return code, out.String(), err.String()
}

// TestExtractAndImport deletes a dead letter by mistake, finds it in a backup, puts it back and retries it.
func TestExtractAndImport(t *testing.T) {
	data, backups := t.TempDir(), t.TempDir()
	server, err := boot("dev", "--data-dir", data)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	want := func(code int, args ...string) string {
		t.Helper()
		got, stdout, stderr := call(server.API, args...)
		if got != code {
			t.Fatalf("%q: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout + stderr
	}
	has := func(text, part string) {
		t.Helper()
		if !strings.Contains(text, part) {
			t.Fatalf("no %q in:\n%s", part, text)
		}
	}
	id := strings.TrimSpace(want(0, "enqueue", "mail", "--payload", `{"to":"ada"}`, "--label", "customer=17", "--ttl", "1ms", "--delay", "1h"))
	other := strings.TrimSpace(want(0, "enqueue", "mail", "--payload", "7"))
	want(0, "enqueue", "mail", "--unique-key", "k")
	for deadline := time.Now().Add(time.Minute); ; { // it expires
		if _, out, _ := call(server.API, "dlq", "list"); strings.Contains(out, id) {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("the task doesn't expire")
		}
	}
	want(0, "task", "cancel", other)
	want(0, "backup", "save", "--to", backups)
	full := filepath.Join(t.TempDir(), "full.rowlock")
	want(0, "backup", "save", "--to", full)
	want(0, "dlq", "purge", "--all", "--yes")

	has(want(0, "backup", "extract", "--from", backups), "Extracted 2 tasks from ")
	has(want(0, "backup", "extract", "--from", full), "Extracted 2 tasks from "+full+" (state of 2")
	has(want(0, "backup", "extract", "--from", full, "--where", `labels.customer == "17"`, "-o", "json"), `"id": "`+id+`"`)
	has(want(0, "backup", "extract", "--from", full, "--state", "cancelled"), other)
	has(want(3, "backup", "extract", "--from", full, "--id", "00000000000ZZ"), "1 task of --id not in the backup")
	has(want(3, "backup", "extract", "--from", t.TempDir()), "no ")
	has(want(2, "backup", "extract"), "say which backup")
	has(want(2, "backup", "extract", "--from", full, "--where", "1 +"), "--where: ")
	lines := filepath.Join(t.TempDir(), "lost.jsonl")
	has(want(0, "backup", "extract", "--from", full, "--state", "dead_letter", "--to", lines), "Extracted 1 task from")
	has(want(2, "backup", "extract", "--from", full, "--to", lines), "the file is there already")

	has(want(2, "backup", "import", "--from", full), "say which tasks of the backup")
	has(want(2, "backup", "import", lines, "--from", full, "--all"), "give either a file, or --from")
	has(want(0, "backup", "import", "--from", full, "--all", "--dry-run"), "Would import 1 of 2 tasks; 1 skipped (1 task_exists).")
	has(want(0, "backup", "import", lines), "Imported 1 of 1 task.")
	has(want(0, "backup", "import", "--from", full, "--where", `labels.customer == "17"`), "Imported 0 of 1 task; 1 skipped (1 task_exists).")
	has(want(0, "dlq", "get", id), "expired")
	has(want(0, "dlq", "retry", id), "retried")
	has(want(0, "task", "get", id), `12 bytes: {"to":"ada"}`)

	b, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	damaged := filepath.Join(t.TempDir(), "damaged.rowlock")
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	has(want(1, "backup", "extract", "--from", damaged), "archive is damaged")
}
