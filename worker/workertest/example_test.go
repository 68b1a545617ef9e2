package workertest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/workertest"
)

// SendEmail is what a program's tasks are about.
type SendEmail struct {
	To string `json:"to"`
}

// Kind names the tasks.
func (SendEmail) Kind() string { return "send_email" }

// sendEmail is the handler to test.
func sendEmail(_ context.Context, t *worker.Task[SendEmail]) error {
	if !strings.Contains(t.Args.To, "@") {
		return worker.Permanent(errors.New("not an address"))
	}
	t.Progress(50, "connected")
	return t.SetResult("sent to " + t.Args.To)
}

// exampleT stands for the *testing.T of a program's own tests.
type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// A handler's unit tests need no server.
func ExampleRun() {
	var t exampleT // in a test: t *testing.T

	r := workertest.Run(t, sendEmail, SendEmail{To: "ada@example.com"})
	fmt.Printf("%v %s %v\n", r.Kind, r.Outcome.Result, r.Progress)

	r = workertest.Run(t, sendEmail, SendEmail{To: "nobody"})
	fmt.Printf("%v: %v\n", r.Kind, r.Err)
	// Output:
	// completed "sent to ada@example.com" [{50 connected}]
	// failed for good: not an address
}

func TestSendEmail(t *testing.T) {
	r := workertest.Run(t, sendEmail, SendEmail{To: "ada@example.com"})
	var result string
	if err := r.Decode(&result); err != nil || r.Kind != worker.Completed || result != "sent to ada@example.com" {
		t.Errorf("got %+v, %v", r, err)
	}
	if len(r.Progress) != 1 || r.Progress[0] != (workertest.Progress{Percent: 50, Message: "connected"}) {
		t.Errorf("progress %v", r.Progress)
	}
	if r := workertest.Run(t, sendEmail, SendEmail{To: "nobody"}); r.Kind != worker.FailedForGood || r.Err.Error() != "not an address" {
		t.Errorf("got %+v", r)
	}
}
