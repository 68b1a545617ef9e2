package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/client"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExitCodes(t *testing.T) {
	for code, want := range map[codes.Code]int{
		codes.InvalidArgument: exitUsage, codes.OutOfRange: exitUsage, codes.NotFound: exitNotFound,
		codes.PermissionDenied: exitRefused, codes.Unauthenticated: exitRefused, codes.FailedPrecondition: exitRefused,
		codes.AlreadyExists: exitRefused, codes.ResourceExhausted: exitRefused, codes.Unavailable: exitUnavailable,
		codes.DeadlineExceeded: exitUnavailable, codes.Internal: exitFailed, codes.DataLoss: exitFailed,
	} {
		if got := exitCode(int32(code)); got != want {
			t.Errorf("%s: exit code %d, want %d", code, got, want)
		}
	}
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{context.Background(), usagef("no"), exitUsage},
		{context.Background(), fmt.Errorf("doing it: %w", usagef("no")), exitUsage},
		{context.Background(), &exitError{code: exitRefused}, exitRefused},
		{context.Background(), fmt.Errorf("%w: gone", client.ErrUnknownOutcome), exitUnavailable},
		{context.Background(), errors.New("disk on fire"), exitFailed},
		{interrupted, context.Canceled, exitFailed},
	} {
		if got, text := explain(c.ctx, c.err); got != c.want {
			t.Errorf("%v: exit code %d (%s), want %d", c.err, got, text, c.want)
		}
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	if got := oneLine("yaml:\n\tline 1:\r\n  bad"); got != "yaml: line 1: bad" {
		t.Errorf("got %q", got)
	}
}
