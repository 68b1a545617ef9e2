package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func tasksOf(ids ...string) []*rowlockv1.Task {
	var list []*rowlockv1.Task
	for _, id := range ids {
		list = append(list, &rowlockv1.Task{Id: id})
	}
	return list
}

// writeLines opens the file, writes the tasks, and closes it with the error.
func writeLines(t *testing.T, path string, written int64, failed error, ids ...string) *lineWriter {
	t.Helper()
	l, err := openLines(io.Discard, path, written)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.page(tasksOf(ids...)); err != nil {
		t.Fatal(err)
	}
	l.keep = true
	if err := l.close(failed); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLineFile interrupts the writing of a file, has another process killed while it goes on, and ends it: each task is there once.
func TestLineFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	unfinished := path + unfinishedSuffix
	interrupted := errors.New("interrupted")
	first := writeLines(t, path, 0, interrupted, "1", "2")
	if _, err := os.Stat(path); err == nil {
		t.Error("what was interrupted has the name of the whole")
	}
	text, err := os.ReadFile(unfinished)
	if err != nil || int64(len(text)) != first.bytes || bytes.Count(text, []byte("\n")) != 2 {
		t.Fatalf("%d bytes are told of: %q, %v", first.bytes, text, err)
	}
	// Killed: it went on with a task, and half of another.
	if err := os.WriteFile(unfinished, append(bytes.Clone(text), `{"id":"3"}`+"\n"+`{"id":`...), 0o600); err != nil {
		t.Fatal(err)
	}
	writeLines(t, path, first.bytes, nil, "3", "4")
	whole, err := os.ReadFile(path)
	if err != nil || bytes.Count(whole, []byte("\n")) != 4 || bytes.Count(whole, []byte(`"id":"3"`)) != 1 || !bytes.HasPrefix(whole, text) {
		t.Errorf("%q, %v", whole, err)
	}
	if _, err := os.Stat(unfinished); err == nil {
		t.Error("the unfinished file is there still")
	}
	// A whole file is never written to without --cursor; collected from stdout, it becomes an unfinished one.
	if _, err := openLines(io.Discard, path, 0); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("over a whole file: %v", err)
	}
	if _, err := openLines(io.Discard, path, int64(len(whole))+1); err == nil || !strings.Contains(err.Error(), "--cursor") {
		t.Errorf("a file that is too short to go on with: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
		t.Errorf("what was refused has changed it: %q, %v", now, err)
	}
	writeLines(t, path, first.bytes, nil, "5")
	if now, err := os.ReadFile(path); err != nil || bytes.Count(now, []byte("\n")) != 3 || !bytes.HasPrefix(now, text) {
		t.Errorf("%q, %v", now, err)
	}
}

// TestLineFileHeld: two processes don't write one file, and what can't be gone on with is removed.
func TestLineFileHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	l, err := openLines(io.Discard, path, 0)
	if err != nil {
		t.Fatal(err)
	}
	var refused *exitError
	if _, err := openLines(io.Discard, path, 0); !errors.As(err, &refused) || refused.code != exitRefused {
		t.Errorf("while another writes it: %v", err)
	}
	if err := l.close(errors.New("no space left")); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestExportCursor reads --cursor.
func TestExportCursor(t *testing.T) {
	states := []rowlockv1.Task_State{rowlockv1.Task_pending, rowlockv1.Task_completed}
	for cursor, ok := range map[string]bool{
		"live:17:abc": true, "finished:1:a:b": true, "live:5:": true,
		"live:abc": false, "finished:0:x": false, "live:-1:x": false, "other:1:x": false, "": false, "live:x:y": false,
	} {
		e := &export{from: cursor}
		e.setStates(states)
		if err := e.goOn(); (err == nil) != ok {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}
