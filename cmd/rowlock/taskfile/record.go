package taskfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// maxRecordBytes leaves room for payload, result and errors of a task, all escaped.
const maxRecordBytes = 4 << 20

// Records calls fn with each task of a file that 'rowlock task export' or 'rowlock backup extract' wrote, and stops with fn's error.
func (f *File) Records(fn func(line int, t *rowlockv1.Task) error) error {
	return f.scan(maxRecordBytes, func(number int, text []byte) error {
		t, err := parseRecord(text)
		if err != nil {
			return &LineError{Line: number, Err: err}
		}
		return fn(number, t)
	})
}

// parseRecord reads one line: a task with its ID, its state and what had become of it.
func parseRecord(text []byte) (*rowlockv1.Task, error) {
	var name struct {
		ID *string `json:"id"`
	}
	if err := json.Unmarshal(text, &name); err == nil && name.ID == nil {
		return nil, errors.New("id is missing: an import puts tasks back under their own IDs; for new tasks use 'rowlock enqueue --from-file'")
	}
	var t render.Task
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return nil, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the object")
	}
	return t.Proto()
}
