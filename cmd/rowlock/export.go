package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// export writes the tasks that a request selects as JSON lines. Live and finished tasks are listed one after the other.
type export struct {
	p       *program
	request rowlockv1.ListTasksRequest
	to      string
	from    string // --cursor

	passes []exportPass
	at     int
	cursor string
	lines  *lineWriter
	bar    *progress
}

type exportPass struct {
	name   string // in a cursor
	states []rowlockv1.Task_State
}

func (e *export) add(flags *pflag.FlagSet) {
	flags.StringVar(&e.to, "to", "", "write to this file, which must not exist, or be the one that --cursor goes on with (default: stdout)")
	flags.StringVar(&e.from, "cursor", "", "go on where an interrupted export stopped, which said so")
	flags.BoolVar(&e.request.Stale, "stale", false, "take the answers of the member at --addr, which may lag behind the leader")
}

// setStates splits the states that were asked for; none are all live ones.
func (e *export) setStates(states []rowlockv1.Task_State) {
	live, finished := exportPass{name: "live"}, exportPass{name: "finished"}
	for _, s := range states {
		if s == rowlockv1.Task_completed || s == rowlockv1.Task_cancelled {
			finished.states = append(finished.states, s)
		} else {
			live.states = append(live.states, s)
		}
	}
	if len(live.states) > 0 || len(states) == 0 {
		e.passes = append(e.passes, live)
	}
	if len(finished.states) > 0 {
		e.passes = append(e.passes, finished)
	}
}

// begin finds the place of --cursor, and opens the file.
func (e *export) begin() error {
	if e.from != "" {
		name, cursor, ok := strings.Cut(e.from, ":")
		for e.at < len(e.passes) && e.passes[e.at].name != name {
			e.at++
		}
		if !ok || e.at == len(e.passes) {
			return usagef("--cursor %q: want what the interrupted export printed, with the same --state", e.from)
		}
		e.cursor = cursor
	}
	var err error
	e.lines, err = openLines(e.p.stdout, e.to, e.from != "")
	e.bar = e.p.progress(-1, "exported", "tasks")
	return err
}

// end says how many tasks there were, unless an error says it.
func (e *export) end(failed error) error {
	e.bar.stop()
	err := e.lines.close()
	if failed == nil && err == nil {
		fmt.Fprintf(e.p.stderr, "Exported %s.\n", plural(e.lines.count, "task"))
	}
	return err
}

// lineWriter writes tasks as lines of JSON, whole pages at a time.
type lineWriter struct {
	file  *os.File // nil: w isn't ours
	w     *bufio.Writer
	count int
}

// writeError is an error of the output, not of where the tasks come from.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// openLines begins a file, or with "" uses stdout. A file that is there is only added to.
func openLines(stdout io.Writer, path string, add bool) (*lineWriter, error) {
	if path == "" {
		return &lineWriter{w: bufio.NewWriterSize(stdout, 64<<10)}, nil
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if add {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, usagef("--to %s: the file is there already: remove it or name another", path)
	}
	if err != nil {
		return nil, usagef("--to: %s", err)
	}
	return &lineWriter{file: file, w: bufio.NewWriterSize(file, 64<<10)}, nil
}

func (l *lineWriter) page(tasks []*rowlockv1.Task) error {
	for _, t := range tasks {
		if err := render.Line(l.w, render.JSON, render.NewRecord(t)); err != nil {
			return &writeError{err}
		}
	}
	if err := l.w.Flush(); err != nil {
		return &writeError{err}
	}
	l.count += len(tasks)
	return nil
}

// close makes a file durable.
func (l *lineWriter) close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.file.Sync(), l.file.Close())
}
