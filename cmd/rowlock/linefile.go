package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store/scratch"
)

// unfinishedSuffix is added to the name of a file of tasks until all of them are in it.
const unfinishedSuffix = ".unfinished"

// lineWriter writes tasks as lines of JSON, whole pages at a time. A file gets its name when it is whole: what a kill or a full
// disk cuts off is never taken for all.
type lineWriter struct {
	file  *os.File // nil: w isn't ours
	path  string   // that the file gets
	w     *bufio.Writer
	count int   // tasks
	bytes int64 // of whole pages, with what was there before
	keep  bool  // what is unfinished, for --cursor to go on with
}

// writeError is an error of the output, not of where the tasks come from.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// openLines begins a file, or with "" uses stdout. With written, it goes on with an unfinished file that has so many good bytes;
// without, one that a killed process left is begun anew.
func openLines(stdout io.Writer, path string, written int64) (*lineWriter, error) {
	l := &lineWriter{path: path, bytes: written, keep: written > 0}
	if path == "" {
		l.w = bufio.NewWriterSize(stdout, 64<<10)
		return l, nil
	}
	if err := l.place(written > 0); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+unfinishedSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, usagef("--to: %s", err)
	}
	if err := l.begin(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// place sees to it that only the unfinished file is there, if any. A file that was collected from stdout becomes it.
func (l *lineWriter) place(goOn bool) error {
	there, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef("--to: %s", err)
	}
	_, err = os.Lstat(l.path + unfinishedSuffix)
	if !goOn || err == nil || !there.Mode().IsRegular() {
		return usagef("--to %s: the file is there already: remove it or name another", l.path)
	}
	if err := l.fits(l.path, there); err != nil {
		return err
	}
	if err := os.Rename(l.path, l.path+unfinishedSuffix); err != nil {
		return usagef("--to: %s", err)
	}
	return nil
}

// fits refuses a file that can't be the one to go on with.
func (l *lineWriter) fits(path string, info os.FileInfo) error {
	if info.Size() < l.bytes {
		return usagef("--cursor: %s has %d bytes, and what was written before had %d: name that file with --to, or begin anew without --cursor",
			path, info.Size(), l.bytes)
	}
	return nil
}

// begin takes the file, and cuts off what isn't known to be good.
func (l *lineWriter) begin(file *os.File) error {
	if held, err := scratch.Hold(file); err == nil && !held {
		return &exitError{code: exitRefused, text: fmt.Sprintf("--to %s: another process is writing it", l.path)}
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if named, err := os.Lstat(file.Name()); err != nil || !os.SameFile(named, info) { // it got its name just now
		return &exitError{code: exitRefused, text: fmt.Sprintf("--to %s: another process has just written it", l.path)}
	}
	if err := l.fits(file.Name(), info); err != nil {
		return err
	}
	if err := file.Truncate(l.bytes); err != nil {
		return err
	}
	if _, err := file.Seek(l.bytes, io.SeekStart); err != nil {
		return err
	}
	l.file, l.w = file, bufio.NewWriterSize(file, 64<<10)
	return nil
}

func (l *lineWriter) page(tasks []*rowlockv1.Task) error {
	counted := &countingWriter{to: l.w}
	for _, t := range tasks {
		if err := render.Line(counted, render.JSON, render.NewRecord(t)); err != nil {
			return &writeError{err}
		}
	}
	if err := l.w.Flush(); err != nil {
		return &writeError{err}
	}
	l.count += len(tasks)
	l.bytes += counted.n
	return nil
}

// countingWriter counts what goes through it.
type countingWriter struct {
	to io.Writer
	n  int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}

// close makes a file durable and gives it its name; after an error the file goes, unless it is to be gone on with.
func (l *lineWriter) close(failed error) error {
	if l.file == nil {
		return nil
	}
	unfinished := l.file.Name()
	if failed != nil && !l.keep {
		return errors.Join(os.Remove(unfinished), l.file.Close())
	}
	err := l.file.Sync()
	if err == nil && failed == nil {
		err = l.finish(unfinished)
	}
	return errors.Join(err, l.file.Close())
}

func (l *lineWriter) finish(unfinished string) error {
	if _, err := os.Lstat(l.path); err == nil {
		return fmt.Errorf("--to %s: the file has come to be there meanwhile: all tasks are in %s", l.path, unfinished)
	}
	if err := os.Rename(unfinished, l.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(l.path))
}
