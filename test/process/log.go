package process

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
)

// maxLog is how much of the end of its output is kept for each process.
const maxLog = 1 << 20

// Log collects what a process writes. It is safe for use by many goroutines.
type Log struct {
	mu      sync.Mutex // guards what follows
	text    []byte
	changed chan struct{} // closed and replaced at every write
}

func newLog() *Log { return &Log{changed: make(chan struct{})} }

// Write adds output.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > maxLog {
		l.text = bytes.Clone(l.text[len(l.text)-maxLog/2:])
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

// String returns the output so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// await returns the first whole line for which match is true.
func (l *Log) await(ctx context.Context, exited <-chan struct{}, match func(line string) bool) (string, error) {
	for {
		l.mu.Lock()
		text, changed := string(l.text), l.changed
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") && match(line) {
				return strings.TrimSuffix(line, "\n"), nil
			}
		}
		select {
		case <-changed:
		case <-exited:
			return "", fmt.Errorf("the process ended:\n%s", l)
		case <-ctx.Done():
			return "", fmt.Errorf("%w; its output so far:\n%s", context.Cause(ctx), l)
		}
	}
}
