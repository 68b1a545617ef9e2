package runbook

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// kubectlLines is how many commands of the runbook need Kubernetes, and are not executed here.
const kubectlLines = 5

// settled waits until a new group is what an operator finds: all healthy, and at the newest feature level.
const settled = `
await sh -c 'rowlock cluster members -o json | jq -e "length == 3 and all(.[]; .healthy)"'
for addr in rowlock-0.rowlock:7300 rowlock-1.rowlock:7300 rowlock-2.rowlock:7300; do
  await sh -c "rowlock cluster status --addr $addr -o json | jq -e '.feature_level == .supported_level and .leader_id != null'"
done`

// binary is the program, and tools the directory with it and with jq, which the pages find in their PATH.
var binary, tools string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "jq" {
		os.Exit(jq(os.Args[1:]))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rowlock-runbook-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	tools = dir
	if binary, err = process.Build(context.Background(), dir); err == nil {
		var self string
		if self, err = os.Executable(); err == nil {
			err = os.Symlink(self, filepath.Join(dir, "jq"))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// pages are the runbook's, by name.
func pages(t *testing.T) map[string]*Page {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "runbook", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	all := map[string]*Page{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if all[name], err = Parse(string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return all
}

// TestPages does what the runbook says, page by page, and stops at the first thing of a page that isn't as it says.
func TestPages(t *testing.T) {
	all := pages(t)
	kubectl := 0
	for name, page := range all {
		kubectl += len(page.Kubectl)
		if len(page.Steps) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			execute(t, page)
		})
	}
	if kubectl != kubectlLines {
		t.Errorf("%d commands are for kubectl, not %d", kubectl, kubectlLines)
	}
}

func execute(t *testing.T, page *Page) {
	t.Helper()
	s := newShell(t, newGroup(t))
	if err := s.setup(settled); err != nil {
		t.Fatal(err)
	}
	for i := range page.Steps {
		step := &page.Steps[i]
		if step.Setup != "" {
			if err := s.setup(step.Setup); err != nil {
				t.Fatalf("line %d: %v", step.Line, err)
			}
			continue
		}
		for k := range step.Commands {
			if err := s.command(&step.Commands[k]); err != nil {
				t.Fatalf("line %d: %s: %v", step.Commands[k].Line, step.Commands[k].Text, err)
			}
		}
		for _, check := range step.Checks {
			if err := s.check(check); err != nil {
				t.Fatalf("the block of line %d: %v", step.Line, err)
			}
		}
	}
}
