package main

import (
	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc"
	"github.com/rowlock/rowlock/task"
)

const (
	// diffFieldsMax is how many fields of one task are shown.
	diffFieldsMax = 20
	// diffValueMax is how many characters of a value are shown.
	diffValueMax = 200
)

// diffField is a field of a task, with both values as JSON; a value that is left out isn't there.
type diffField struct {
	Name string `json:"field"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// comparedTask is a task as programs see it, but that of its errors only the last one's text is compared.
type comparedTask struct {
	render.Task
	Error string `json:"error,omitempty"`
}

func newComparedTask(t *task.Task) comparedTask {
	c := comparedTask{Task: render.NewTask(rpc.ViewTask(t))}
	if n := len(c.Errors); n > 0 {
		c.Error = c.Errors[n-1].Message
	}
	c.Errors = nil
	return c
}

// diffFields are the fields that changed of a task that is in both backups, and how many more there are.
func diffFields(c backups.TaskChange) (fields []diffField, more int, err error) {
	if c.Was == nil || c.Is == nil {
		return nil, 0, nil
	}
	all, err := backups.Fields(newComparedTask(c.Was), newComparedTask(c.Is))
	for i, f := range all {
		if i == diffFieldsMax {
			return fields, len(all) - i, err
		}
		fields = append(fields, diffField{f.Name, beginning(f.From), beginning(f.To)})
	}
	return fields, 0, err
}

// beginning is a value, or as much of it as is shown.
func beginning(value string) string {
	runes := []rune(value)
	if len(runes) <= diffValueMax {
		return value
	}
	return string(runes[:diffValueMax]) + "…"
}
