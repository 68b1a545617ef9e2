package taskfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// MaxPayloadBytes is the bound on a task's payload.
const MaxPayloadBytes = 256 << 10

const (
	// batchTasks and batchBytes bound a batch: below the API's 10,000 tasks and 4 MiB.
	batchTasks = 5_000
	batchBytes = 3 << 20
	// maxLineBytes leaves room for a payload in base64 and all else.
	maxLineBytes = 1 << 20
)

// File is a file of tasks that can be read more than once.
type File struct {
	path         string
	temporary    bool
	defaultQueue string
}

// Open prepares a file; "-" is stdin, which is copied aside so that it can be checked before it is sent. The caller
// closes the File. Tasks that name no queue go to defaultQueue.
func Open(path string, stdin io.Reader, defaultQueue string) (*File, error) {
	f := &File{path: path, defaultQueue: defaultQueue}
	source := stdin
	if path != "-" {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			return f, nil
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%s is a directory", path)
		}
		pipe, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer pipe.Close()
		source = pipe
	}
	return f, f.spool(source)
}

// spool copies a source that can be read only once.
func (f *File) spool(source io.Reader) error {
	temp, err := os.CreateTemp("", "rowlock-tasks-*.jsonl")
	if err != nil {
		return err
	}
	f.path, f.temporary = temp.Name(), true
	_, err = io.Copy(temp, source)
	if err = errors.Join(err, temp.Close()); err != nil {
		return errors.Join(fmt.Errorf("copying the tasks aside: %w", err), f.Close())
	}
	return nil
}

// Close removes what Open made.
func (f *File) Close() error {
	if f.temporary {
		return os.Remove(f.path)
	}
	return nil
}

// Batch is a run of tasks for one call. A file is always cut in the same way, so that a batch can be sent again under
// the same request ID.
type Batch struct {
	Tasks []*rowlockv1.NewTask
	// Lines has the line of each task.
	Lines []int
}

// Check reads the whole file and returns the number of its tasks, or what is wrong with the first bad line.
func (f *File) Check() (tasks int, err error) {
	err = f.lines(func(int, *rowlockv1.NewTask) error {
		tasks++
		return nil
	})
	return tasks, err
}

// Batches calls fn with each batch in turn, and stops with fn's error.
func (f *File) Batches(fn func(Batch) error) error {
	var b Batch
	bytes := 0
	err := f.lines(func(number int, t *rowlockv1.NewTask) error {
		size := proto.Size(t) + 8 // its place in the message
		if len(b.Tasks) == batchTasks || (len(b.Tasks) > 0 && bytes+size > batchBytes) {
			if err := fn(b); err != nil {
				return err
			}
			b, bytes = Batch{}, 0
		}
		b.Tasks, b.Lines = append(b.Tasks, t), append(b.Lines, number)
		bytes += size
		return nil
	})
	if err != nil || len(b.Tasks) == 0 {
		return err
	}
	return fn(b)
}

// LineError is a line that isn't a task.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// lines calls fn with the task of each line that isn't empty.
func (f *File) lines(fn func(number int, t *rowlockv1.NewTask) error) error {
	return f.scan(maxLineBytes, func(number int, text []byte) error {
		t, err := parse(text, f.defaultQueue)
		if err != nil {
			return &LineError{Line: number, Err: err}
		}
		return fn(number, t)
	})
}

// scan calls fn with each line that isn't empty.
func (f *File) scan(longest int, fn func(number int, text []byte) error) error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 64<<10), longest)
	number := 0
	for scanner.Scan() {
		number++
		text := bytes.TrimSpace(scanner.Bytes())
		if len(text) == 0 {
			continue
		}
		if err := fn(number, text); err != nil {
			return err
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return &LineError{Line: number + 1, Err: fmt.Errorf("the line is longer than %d bytes", longest)}
	}
	return scanner.Err()
}
