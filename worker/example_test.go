package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// A program that works: SIGTERM ends it in an orderly way.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	c := connect()
	defer c.Close()

	w, err := worker.New(c, worker.Config{
		Queues:      map[string]int{"mail": 3, "newsletter": 1}, // three mails for each newsletter
		Concurrency: 8,
		GracePeriod: 20 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		fmt.Println("sending to", t.Args.To)
		stop() // this example has seen enough
		return nil
	})
	if _, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("mail")); err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: sending to ada@example.com
}

// A handler has typed arguments, and may leave a result.
func ExampleHandle() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"handle": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		return t.SetResult(map[string]string{"message_id": "1@" + t.Args.To})
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "example.com"}, client.Queue("handle"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s\n", task.State, task.Result)
	// Output: completed {"message_id":"1@example.com"}
}

// A handler of any kind gets the payload as it is.
func ExampleWorker_HandleFunc() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"any": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.HandleFunc(worker.AnyKind, func(_ context.Context, t *worker.RawTask) error {
		return t.SetResult(fmt.Sprintf("%s of %d bytes", t.Kind, len(t.Payload)))
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, client.Raw("thumbnail", []byte("not JSON")), client.Queue("any"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", task.Result)
	// Output: "thumbnail of 8 bytes"
}

// A task whose handler returns an error is retried, until it succeeds or its attempts are used up.
func ExampleWorker_retry() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"retry": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		if t.Attempt < 3 {
			return fmt.Errorf("attempt %d: the mail server is busy", t.Attempt)
		}
		return nil
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("retry"),
		client.Backoff(client.BackoffPolicy{Delays: []time.Duration{10 * time.Millisecond}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range task.Errors {
		fmt.Println(e.Message)
	}
	fmt.Println(task.State)
	// Output:
	// attempt 1: the mail server is busy
	// attempt 2: the mail server is busy
	// completed
}

// A permanent error sends a task to the dead letter queue at once.
func ExamplePermanent() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"permanent": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	worker.Handle(w, func(context.Context, *worker.Task[SendEmail]) error {
		return worker.Permanent(errors.New("no such mailbox"))
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "nobody@example.com"}, client.Queue("permanent"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State, task.Reason, task.Errors[0].Message)
	// Output: dead_letter failed no such mailbox
}

// A snoozed task comes back later, and no attempt is burnt.
func ExampleSnooze() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"snooze": 1}, Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	calls := 0
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		if calls++; calls < 3 {
			return worker.Snooze(10 * time.Millisecond)
		}
		return t.SetResult(fmt.Sprintf("call %d, attempt %d", calls, t.Attempt))
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("snooze"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", task.Result)
	// Output: "call 3, attempt 1"
}

// A long task says how far it is.
func ExampleRawTask_Progress() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"progress": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	seen := make(chan struct{})
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		t.Progress(40, "two of five parts sent")
		<-seen
		return nil
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("progress"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range time.Tick(10 * time.Millisecond) {
		task, err := c.Get(ctx, receipt.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		if task.Progress != nil {
			fmt.Println(task.Progress.Percent, task.Progress.Message)
			close(seen)
			return
		}
	}
	// Output: 40 two of five parts sent
}

// The fencing token grows with every lease. A store that refuses smaller ones is safe from a handler that has lost its
// lease and doesn't know.
func ExampleRawTask_Fence() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"fence": 1}, Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	highest := uint64(0) // of a row in a database, say
	worker.Handle(w, func(_ context.Context, t *worker.Task[SendEmail]) error {
		if t.Fence() < highest {
			return worker.Permanent(errors.New("a newer attempt was here"))
		}
		newer := t.Fence() > highest
		highest = t.Fence()
		if t.Attempt == 1 {
			return errors.New("try again")
		}
		return t.SetResult(newer)
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("fence"),
		client.Backoff(client.BackoffPolicy{Delays: []time.Duration{10 * time.Millisecond}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("the second lease has a larger token: %s\n", task.Result)
	// Output: the second lease has a larger token: true
}

// Middleware wraps all handlers: for logs, metrics, traces.
func ExampleWorker_Use() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"middleware": 1}, Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Use(func(next worker.HandlerFunc) worker.HandlerFunc {
		return func(ctx context.Context, t *worker.RawTask) error {
			fmt.Println("trace", t.TraceContext, "tenant", t.Labels["tenant"])
			err := next(ctx, t)
			fmt.Println(t.Kind, "ended with", err)
			return err
		}
	})
	worker.Handle(w, func(context.Context, *worker.Task[SendEmail]) error { return nil })
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("middleware"),
		client.TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), client.Label("tenant", "7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Wait(ctx, receipt.ID); err != nil {
		fmt.Println(err)
	}
	// Output:
	// trace 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 tenant 7
	// send_email ended with <nil>
}

// A worker that stops lets its handlers finish. What takes longer than the grace period is given back: the task is
// pending again, and no attempt is burnt.
func ExampleWorker_Run_drain() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"drain": 1}, GracePeriod: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	started := make(chan struct{})
	worker.Handle(w, func(ctx context.Context, t *worker.Task[SendEmail]) error {
		close(started)
		<-ctx.Done()
		fmt.Println(context.Cause(ctx))
		return ctx.Err()
	})
	stop := start(w)

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("drain"))
	if err != nil {
		fmt.Println(err)
		return
	}
	<-started
	stop()
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State, task.Attempt)
	// Output:
	// worker: the worker is stopping
	// pending 0
}

// A handler notices when its task is cancelled.
func Example_cancellation() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"cancellation": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	started, ended := make(chan struct{}), make(chan struct{})
	worker.Handle(w, func(ctx context.Context, _ *worker.Task[SendEmail]) error {
		close(started)
		<-ctx.Done()
		fmt.Println(errors.Is(context.Cause(ctx), worker.ErrCancelled))
		close(ended)
		return ctx.Err()
	})
	defer start(w)()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("cancellation"))
	if err != nil {
		fmt.Println(err)
		return
	}
	<-started
	if _, err := c.Cancel(ctx, receipt.ID); err != nil {
		fmt.Println(err)
		return
	}
	<-ended
	task, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State)
	// Output:
	// true
	// cancelled
}

// Tasks with a higher priority come first.
func Example_priority() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	for _, p := range []int{1, 9, 5} {
		if _, err := c.Enqueue(ctx, client.Raw(fmt.Sprint("priority ", p), nil), client.Queue("by-priority"), client.Priority(p)); err != nil {
			fmt.Println(err)
			return
		}
	}

	w, err := worker.New(c, worker.Config{Queues: map[string]int{"by-priority": 1}, Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan string, 3)
	w.HandleFunc(worker.AnyKind, func(_ context.Context, t *worker.RawTask) error {
		done <- t.Kind
		return nil
	})
	defer start(w)()
	for range 3 {
		fmt.Println(<-done)
	}
	// Output:
	// priority 9
	// priority 5
	// priority 1
}
