//go:build linux

package exec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/exec"
)

// A program finds its parents' results in a file, which is gone afterwards, also when the program fails.
func TestParentsFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, command := range []string{`cat "$ROWLOCK_PARENTS_FILE"`, `cat "$ROWLOCK_PARENTS_FILE" >&2; exit 1`} {
		parents := []worker.Parent{
			{ID: "0000000000001", Ref: "a", State: "completed", Result: []byte(`{"n":1}`)},
			{ID: "0000000000002", State: "completed", Result: []byte("plain text")},
			{ID: "0000000000003", State: "completed", Result: []byte{0xff, 0}},
			{ID: "0000000000004"},
		}
		task := &worker.RawTask{Kind: "job", Related: worker.Related{Parents: parents}}
		outcome := worker.Try(t.Context(), handler(t, exec.Config{Command: command}), task, nil)
		got := string(outcome.Result)
		if outcome.Err != nil {
			got = outcome.Err.Error()
		}
		want := `[{"task_id":"0000000000001","ref":"a","state":"completed","result":{"n":1}},` +
			`{"task_id":"0000000000002","state":"completed","result":"plain text"},` +
			`{"task_id":"0000000000003","state":"completed","result_base64":"/wA="},{"task_id":"0000000000004","state":"deleted"}]`
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q", command, got)
		}
	}
	if files, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(files) != 0 {
		t.Errorf("left behind %v, %v", files, err)
	}
	task := &worker.RawTask{Kind: "job"}
	outcome := worker.Try(t.Context(), handler(t, exec.Config{Command: `echo "${ROWLOCK_PARENTS_FILE-none}"`}), task, nil)
	if string(outcome.Result) != "none\n" {
		t.Errorf("without parents: %q", outcome.Result)
	}
}
