package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/bucket"
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
	text = err.Error()
	switch {
	case errors.As(err, &usage):
		return exitUsage, usage.text
	case errors.As(err, &exit):
		return exit.code, exit.text
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnknownOutcome)):
		return exitFailed, "interrupted"
	case errors.Is(err, client.ErrInvalid), errors.Is(err, load.ErrConfig), errors.Is(err, bucket.ErrAddress):
		return exitUsage, text
	case errors.Is(err, client.ErrNotFound), errors.Is(err, backups.ErrNone), errors.Is(err, bucket.ErrMissing):
		return exitNotFound, text
	case errors.Is(err, client.ErrDenied), errors.Is(err, client.ErrState), errors.Is(err, client.ErrConflict),
		errors.Is(err, client.ErrOverloaded), errors.Is(err, client.ErrNoSpace), errors.Is(err, client.ErrQueueFull),
		errors.Is(err, bucket.ErrRefused), errors.Is(err, client.ErrPositionLost), errors.Is(err, store.ErrLocked), errors.Is(err, raftfsm.ErrOtherNode),
		errors.Is(err, raftfsm.ErrUnfinished):
		return exitRefused, text
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, client.ErrUnknownOutcome), errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable, text
	}
	return exitFailed, text
}

// exitCode is the exit code of a refusal within a call for many.
func exitCode(code int32) int {
	exit, _ := explain(context.Background(), &client.Error{Code: codes.Code(code)})
	return exit
}

// oneLine keeps an error that came with line breaks, such as a parser's, on one line.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, " ")
}
