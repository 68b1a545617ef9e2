package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rowlock/rowlock/task"
)

// Quarantined is a record that a repair took out of a state file.
type Quarantined struct {
	Bucket string    `json:"bucket"`
	Key    []byte    `json:"key"`   // base64 in JSON
	Value  []byte    `json:"value"` // as it was found
	Tasks  []task.ID `json:"tasks,omitempty"`
	Why    string    `json:"why"`
}

// quarantine is the directory where a repair puts what it takes out.
type quarantine struct {
	dir     string
	file    *os.File
	out     *bufio.Writer
	records int
	tasks   map[task.ID]struct{}
}

// newQuarantine makes DIR/quarantine/<time>.
func newQuarantine(d Dir, now time.Time) (*quarantine, error) {
	q := &quarantine{
		dir:   filepath.Join(string(d), "quarantine", now.UTC().Format("20060102T150405.000Z")),
		tasks: map[task.ID]struct{}{},
	}
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the quarantine: %w", noSpace(err))
	}
	f, err := os.OpenFile(filepath.Join(q.dir, "records.jsonl"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the quarantine: %w", noSpace(err))
	}
	q.file, q.out = f, bufio.NewWriter(f)
	return q, nil
}

// put takes a record.
func (q *quarantine) put(x Quarantined) error {
	q.records++
	for _, id := range x.Tasks {
		q.tasks[id] = struct{}{}
	}
	if err := json.NewEncoder(q.out).Encode(x); err != nil {
		return fmt.Errorf("write the quarantine: %w", noSpace(err))
	}
	return nil
}

// keep puts a file of the member there too, under another name, so that nothing of it is lost.
func (q *quarantine) keep(path string) error {
	if err := os.Link(path, filepath.Join(q.dir, filepath.Base(path))); err != nil {
		return fmt.Errorf("keep the damaged file: %w", noSpace(err))
	}
	return nil
}

// finish writes the report, and makes all of it durable.
func (q *quarantine) finish(r *RepairReport) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(q.dir, "report.json"), append(b, '\n')); err != nil {
		return err
	}
	if err := errors.Join(q.out.Flush(), q.file.Sync(), q.file.Close()); err != nil {
		return fmt.Errorf("write the quarantine: %w", noSpace(err))
	}
	q.file = nil
	return errors.Join(syncPath(q.dir), syncPath(filepath.Dir(q.dir)))
}

// discard takes the quarantine back: nothing was repaired.
func (q *quarantine) discard() {
	if q.file != nil {
		_ = q.file.Close()
		_ = os.RemoveAll(q.dir)
	}
}
