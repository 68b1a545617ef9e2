package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// idsPerCall is the API's bound on the tasks of one call.
const idsPerCall = 1000

// requestID names one call, so that the call can be sent again and is executed once.
func requestID() string { return rand.Text() }

// taskID checks an ID, and returns it in the one spelling that the API uses.
func taskID(arg string) (string, error) {
	id, err := task.ParseID(arg)
	if err != nil {
		return "", usagef("%q is %s", arg, err)
	}
	return id.String(), nil
}

// batchID does the same with a batch's ID, which looks like a task's.
func batchID(arg string) (string, error) {
	id, err := task.ParseID(arg)
	if err != nil {
		return "", usagef("%q is not a batch ID: want the 13 characters that 'rowlock batch create' printed", arg)
	}
	return id.String(), nil
}

// about names the task in an error that doesn't.
func about(id string, err error) error {
	if err == nil || strings.Contains(err.Error(), id) {
		return err
	}
	return fmt.Errorf("task %s: %w", id, err)
}

// taskIDs checks the IDs of the command line; "-" takes more from stdin, one a line.
func (p *program) taskIDs(args []string) ([]string, error) {
	var ids []string
	for _, arg := range args {
		if arg != "-" {
			id, err := taskID(arg)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
			continue
		}
		lines := bufio.NewScanner(p.stdin)
		for n := 1; lines.Scan(); n++ {
			text := strings.TrimSpace(lines.Text())
			if text == "" {
				continue
			}
			id, err := taskID(text)
			if err != nil {
				return nil, usagef("stdin, line %d: %s", n, err)
			}
			ids = append(ids, id)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("reading IDs from stdin: %w", err)
		}
	}
	if len(ids) == 0 {
		return nil, usagef("no task IDs were given")
	}
	return ids, nil
}

// bulk is a change of many tasks, each with a result of its own.
type bulk struct {
	// done is the word for a success, such as "cancelled".
	done string
	call func(ctx context.Context, ids []string, requestID string) ([]*rowlockv1.TaskResult, error)
}

// run changes the tasks in calls of at most idsPerCall, prints what became of each, and fails with the first refusal.
func (b bulk) run(ctx context.Context, out *output, ids []string) error {
	results := list(out, render.Results(b.done))
	var refusals refusals
	for chunk := range slices.Chunk(ids, idsPerCall) {
		answer, err := b.call(ctx, chunk, requestID())
		if err != nil {
			return err
		}
		refusals.count(answer)
		if err := results.Page(render.NewResults(answer)); err != nil {
			return err
		}
	}
	if err := results.Close("No tasks."); err != nil {
		return err
	}
	return refusals.err(len(ids))
}

// refusals counts the parts of calls that were refused.
type refusals struct {
	refused int
	first   *rowlockv1.TaskResult
}

func (r *refusals) count(results []*rowlockv1.TaskResult) {
	for _, result := range results {
		if result.GetError().GetCode() != 0 {
			r.refused++
			if r.first == nil {
				r.first = result
			}
		}
	}
}

// err is nil, or has the first refusal's exit code.
func (r *refusals) err(total int) error {
	if r.refused == 0 {
		return nil
	}
	text := r.first.GetError().GetMessage()
	if !strings.Contains(text, r.first.GetId()) {
		text = fmt.Sprintf("task %s: %s", r.first.GetId(), text)
	}
	if total > 1 {
		text = fmt.Sprintf("%d of %s were refused, the first: %s", r.refused, render.Count(total, "task"), text)
	}
	return &exitError{code: exitCode(r.first.GetError().GetCode()), text: text}
}
