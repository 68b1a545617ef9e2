package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// TestImportKilled kills imports in their middle, and the server in the middle of one. Run once more, none is missing, none is there
// twice, and what has ended since it was imported stays ended.
func TestImportKilled(t *testing.T) {
	const number = 12_000
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	tasks := make([]client.NewTask, number)
	for i := range tasks {
		tasks[i] = client.NewTask{Args: client.Raw("k", []byte(strings.Repeat("x", 200))), Options: []client.Option{client.Queue("q")}}
	}
	if _, err := c.EnqueueMany(limited(t), tasks); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tasks.jsonl")
	must(t, n, "task", "export", "--queue", "q", "--to", file)
	must(t, n, "task", "delete", "--queue", "q", "--yes")

	pending := func(ctx context.Context) (uint64, error) {
		q, err := c.Queues().Get(ctx, "q")
		if err != nil {
			return 0, err
		}
		return q.Pending, nil
	}
	var ended []string
	for round := range 4 {
		before, err := pending(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		p, err := process.Start(binary, process.Options{Args: []string{"backup", "import", file}, Env: []string{"ROWLOCK_ADDR=" + n.API}})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the import goes on", func(ctx context.Context) (bool, error) {
			now, err := pending(ctx)
			return now > before || now+uint64(len(ended)) == number, err
		})
		if round == 2 {
			kill(t, n.Process)
			n = serve(t, dir, n)
		}
		kill(t, p)
		some, _, err := c.Page(limited(t), client.Query{Queue: "q", PageSize: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range some {
			ended = append(ended, task.ID)
			if _, err := c.Cancel(limited(t), task.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		must(t, n, "backup", "import", file)
	}
	seen := map[string]bool{}
	for task, err := range c.List(limited(t), client.Query{Queue: "q", OmitPayload: true, PageSize: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[task.ID] {
			t.Errorf("task %s is there twice", task.ID)
		}
		seen[task.ID] = true
	}
	for _, id := range ended {
		if seen[id] {
			t.Errorf("task %s was cancelled and is there again", id)
		}
	}
	if len(seen)+len(ended) != number {
		t.Errorf("%d tasks are there and %d have ended: want %d", len(seen), len(ended), number)
	}
	code, _, stderr := rowlock(t, n, "backup", "import", file, "--on-conflict", "fail")
	if want := fmt.Sprintf("%d of %d tasks can't be imported (%d task_exists)", number, number, number); code != 4 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want %q: %s", code, want, stderr)
	}
	stop(t, n.Process)
}
