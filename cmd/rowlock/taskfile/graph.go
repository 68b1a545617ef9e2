package taskfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// graph is a file of tasks that depend on each other.
type graph struct {
	Name  string            `json:"name"`
	Queue string            `json:"queue"` // of the tasks that name none
	Tasks []json.RawMessage `json:"tasks"`
}

// dependency is a ref, or an object.
type dependency struct {
	TaskID string `json:"task_id"`
	Ref    string `json:"ref"`
	When   string `json:"when"`
}

// UnmarshalJSON takes a ref in place of an object.
func (d *dependency) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &d.Ref)
	}
	type plain dependency
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(d))
}

func (d *dependency) edge() (*rowlockv1.Dependency, error) {
	when, ok := rowlockv1.Dependency_When_value[d.When]
	if d.When != "" && (!ok || when == 0) {
		return nil, fmt.Errorf("when %q: want success, failure or any", d.When)
	}
	return &rowlockv1.Dependency{TaskId: d.TaskID, Ref: d.Ref, When: rowlockv1.Dependency_When(when)}, nil
}

// setKin reads what a task depends on.
func (l *line) setKin(t *rowlockv1.NewTask) error {
	t.Ref = l.Ref
	for i := range l.Dependencies {
		e, err := l.Dependencies[i].edge()
		if err != nil {
			return fmt.Errorf("dependencies[%d].%w", i, err)
		}
		t.Dependencies = append(t.Dependencies, e)
	}
	policy, ok := rowlockv1.ParentFailure_value[l.OnParentFailure]
	if l.OnParentFailure != "" && (!ok || policy == 0) {
		return fmt.Errorf("on_parent_failure %q: want dead_letter or cancel", l.OnParentFailure)
	}
	t.OnParentFailure = rowlockv1.ParentFailure(policy)
	return nil
}

// ParseGraph reads a graph: a name, a queue for the tasks that name none, and the tasks with the fields of a line and a ref.
func ParseGraph(text []byte) (*rowlockv1.EnqueueGraphRequest, error) {
	var g graph
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&g); err != nil {
		return nil, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the object")
	}
	req := &rowlockv1.EnqueueGraphRequest{Name: g.Name}
	for i, raw := range g.Tasks {
		t, err := parse(raw, g.Queue)
		if err != nil {
			return nil, fmt.Errorf("tasks[%d]%s: %w", i, named(raw), err)
		}
		req.Tasks = append(req.Tasks, t)
	}
	return req, nil
}

// named is the ref of a task that may be wrong otherwise.
func named(raw json.RawMessage) string {
	var t struct {
		Ref string `json:"ref"`
	}
	if json.Unmarshal(raw, &t) != nil || t.Ref == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", t.Ref)
}
