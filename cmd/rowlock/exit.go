package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnavailable = 5
)

// exitError ends the program with a code. An empty text prints nothing: the output has said it already.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// exit prints an error as one line on stderr and returns the exit code for it.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	code, text := explain(ctx, err)
	if text != "" {
		fmt.Fprintf(p.stderr, "rowlock: %s\n", oneLine(text))
	}
	return code
}

// explain maps an error to the exit code and the line that says what is wrong.
func explain(ctx context.Context, err error) (code int, text string) {
	var usage *usageError
	var exit *exitError
	switch {
	case errors.As(err, &usage):
		return exitUsage, usage.text
	case errors.As(err, &exit):
		return exit.code, exit.text
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitFailed, "interrupted"
	}
	return exitFailed, err.Error()
}

// oneLine keeps an error that came with line breaks, such as a parser's, on one line.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, " ")
}
