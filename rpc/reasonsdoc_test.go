package rpc

import (
	"os"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestReasonsAreDocumented: docs/api tells of every reason for which the machine refuses something, beside its status.
func TestReasonsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/api/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			rows[strings.TrimSpace(cells[1])] += cells[3]
		}
	}
	for code, c := range codeStatus {
		if task.Code(code) == task.OK || c.reason == "" {
			continue
		}
		if row := rows[codeName(c.code)]; !strings.Contains(row, "`"+c.reason+"`") {
			t.Errorf("the row of %s doesn't tell of %s", codeName(c.code), c.reason)
		}
	}
}
