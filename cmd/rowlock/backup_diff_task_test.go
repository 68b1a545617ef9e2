package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/task"
)

// TestDiffFields: what changed of a task has the names that programs know, the last error's text, and a bounded length.
func TestDiffFields(t *testing.T) {
	was := &task.Task{ID: 1, Queue: "q", State: task.Running, Attempt: 1, Labels: []task.Label{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}
	is := *was
	is.State, is.Attempt, is.Priority = task.DeadLetter, 2, 3
	is.Labels = []task.Label{{Key: "b", Value: "3"}, {Key: "c", Value: "4"}}
	is.Errors = []task.AttemptError{{Message: "first"}, {Message: strings.Repeat("é", 300)}}
	fields, more, err := diffFields(backups.TaskChange{Was: was, Is: &is})
	if err != nil || more != 0 {
		t.Fatal(more, err)
	}
	got := map[string]string{}
	for _, f := range fields {
		got[f.Name] = f.From + " -> " + f.To
	}
	for name, want := range map[string]string{
		"state": `"running" -> "dead_letter"`, "attempt": "1 -> 2", "priority": "0 -> 3",
		"labels.a": `"1" -> `, "labels.b": `"2" -> "3"`, "labels.c": ` -> "4"`,
		"error": ` -> "` + strings.Repeat("é", diffValueMax-1) + "…",
	} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	for i := range 50 {
		is.Labels = append(is.Labels, task.Label{Key: fmt.Sprint("k", i)})
	}
	if fields, more, err = diffFields(backups.TaskChange{Was: was, Is: &is}); err != nil || len(fields) != diffFieldsMax || more < 30 {
		t.Errorf("%d fields and %d more: %v", len(fields), more, err)
	}
	if fields, _, err = diffFields(backups.TaskChange{Is: &is}); err != nil || fields != nil {
		t.Errorf("of a task that is new: %v %v", fields, err)
	}
}
