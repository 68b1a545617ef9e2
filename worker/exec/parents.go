package exec

import (
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/rowlock/rowlock/worker"
)

// fileParent is a parent as the program sees it: the result as JSON where it is that, else as text.
type fileParent struct {
	ID            string          `json:"task_id"`
	Ref           string          `json:"ref,omitempty"`
	State         string          `json:"state"`
	Result        json.RawMessage `json:"result,omitempty"`
	ResultBase64  []byte          `json:"result_base64,omitempty"` // where it is neither JSON nor text
	ResultOmitted bool            `json:"result_omitted,omitempty"`
}

// writeParents writes the task's parents into a file that only this user can read. remove must be called; path is "" for a task
// without parents.
func writeParents(t *worker.RawTask) (path string, remove func() error, err error) {
	none := func() error { return nil }
	if len(t.Parents) == 0 {
		return "", none, nil
	}
	list := make([]fileParent, 0, len(t.Parents))
	for _, p := range t.Parents {
		list = append(list, fileParentOf(p))
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", none, fmt.Errorf("exec: parents: %w", err)
	}
	file, err := os.CreateTemp("", "rowlock-parents-*.json")
	if err != nil {
		return "", none, fmt.Errorf("exec: parents: %w", err)
	}
	remove = func() error { return os.Remove(file.Name()) }
	_, err = file.Write(append(text, '\n'))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = remove() // the first error says more
		return "", none, fmt.Errorf("exec: parents: %w", err)
	}
	return file.Name(), remove, nil
}

func fileParentOf(p worker.Parent) fileParent {
	f := fileParent{ID: p.ID, Ref: p.Ref, State: string(p.State), ResultOmitted: p.ResultOmitted}
	if f.State == "" {
		f.State = "deleted"
	}
	switch {
	case len(p.Result) == 0:
	case json.Valid(p.Result):
		f.Result = p.Result
	case utf8.Valid(p.Result):
		if text, err := json.Marshal(string(p.Result)); err == nil {
			f.Result = text
		}
	default:
		f.ResultBase64 = p.Result
	}
	return f
}
