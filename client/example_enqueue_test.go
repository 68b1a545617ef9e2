package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// Enqueue takes any struct with a Kind method. When it returns, the task is durable.
func ExampleClient_Enqueue() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("mail"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s %s\n", task.Kind, task.State, task.Payload)
	// Output: send_email pending {"to":"ada@example.com"}
}

// EnqueueMany takes any number of tasks; each has a receipt of its own.
func ExampleClient_EnqueueMany() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	tasks := make([]client.NewTask, 1000)
	for i := range tasks {
		tasks[i] = client.NewTask{
			Args:    SendEmail{To: fmt.Sprintf("user-%d@example.com", i)},
			Options: []client.Option{client.Queue("newsletter")},
		}
	}
	receipts, err := c.EnqueueMany(ctx, tasks)
	if err != nil {
		fmt.Println(err)
		return
	}
	queue, err := c.Queues().Get(ctx, "newsletter")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(receipts), "receipts,", queue.Pending, "pending")
	// Output: 1000 receipts, 1000 pending
}

// Bytes that aren't JSON, or of a kind that has no type in this program, go as they are.
func ExampleRaw() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, client.Raw("thumbnail", []byte{0xff, 0xd8, 0xff}), client.Queue("images"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %x\n", task.Kind, task.Payload)
	// Output: thumbnail ffd8ff
}

// A task with a delay is scheduled; so is one with RunAt.
func ExampleDelay() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("delay"), client.Delay(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State, task.RunAt.Sub(task.EnqueuedAt))
	// Output: scheduled 1h0m0s
}

// A task with a higher priority is ahead of those that came before it.
func ExamplePriority() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	if _, err := c.Enqueue(ctx, SendEmail{To: "everybody@example.com"}, client.Queue("priority")); err != nil {
		fmt.Println(err)
		return
	}
	urgent, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("priority"), client.Priority(9))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, urgent.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Priority, task.State)
	// Output: 9 pending
}

// A unique key keeps a queue from having two tasks for the same thing. The error names the task that is there.
func ExampleUnique() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	first, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("unique"), client.Unique("welcome:ada"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("unique"), client.Unique("welcome:ada"))
	var refusal *client.Error
	if errors.Is(err, client.ErrConflict) && errors.As(err, &refusal) {
		fmt.Println("refused; it is the first:", refusal.ExistingID == first.ID)
	}
	// Output: refused; it is the first: true
}

// With the mode Return, the task that is there is as good as a new one.
func ExampleUniqueMode() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	for range 2 {
		receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("unique-return"),
			client.Unique("welcome:ada"), client.UniqueMode(client.Return))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("existing:", receipt.Existing)
	}
	// Output:
	// existing: false
	// existing: true
}

// A key that is kept for a window counts also after its task has ended.
func ExampleUniqueFor() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	options := []client.Option{client.Queue("unique-window"), client.Unique("daily"), client.UniqueFor(24 * time.Hour)}
	first, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, options...)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Cancel(ctx, first.ID); err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, options...)
	fmt.Println(errors.Is(err, client.ErrConflict))
	// Output: true
}

// Labels, the trace context and the fair key stay with the task, for the worker and for operators.
func ExampleLabels() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("labels"),
		client.Labels(map[string]string{"team": "growth", "campaign": "spring"}),
		client.TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		client.FairKey("tenant-7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Labels)
	fmt.Println(task.TraceContext)
	fmt.Println(task.FairKey)
	// Output:
	// map[campaign:spring team:growth]
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	// tenant-7
}

// A task that depends on others is blocked until they have completed.
func ExampleDependsOn() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	render, err := c.Enqueue(ctx, client.Raw("render", nil), client.Queue("depends"))
	if err != nil {
		fmt.Println(err)
		return
	}
	send, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("depends"), client.DependsOn(render.ID))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, send.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State)
	// Output: blocked
}

// How often and when a task is retried, how long an attempt may take, and how long it may wait for its start.
func ExampleBackoff() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("backoff"),
		client.MaxAttempts(5),
		client.Backoff(client.BackoffPolicy{Initial: 2 * time.Second, Maximum: time.Minute, Multiplier: 1.5}),
		client.Timeout(30*time.Second),
		client.TTL(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.MaxAttempts, task.Backoff.Initial, task.Timeout, task.ExpiresAt.Sub(task.EnqueuedAt))
	// Output: 5 2s 30s 1h0m0s
}

// Newsletter has options of its own.
type Newsletter struct{ Issue int }

// Kind names the tasks.
func (Newsletter) Kind() string { return "newsletter" }

// EnqueueOptions are those of all newsletters.
func (Newsletter) EnqueueOptions() []client.Option {
	return []client.Option{client.Queue("bulk"), client.Priority(1)}
}

// A type of arguments may say which options its tasks have; those of a call override them.
func ExampleWithOptions() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	receipt, err := c.Enqueue(ctx, Newsletter{Issue: 12}, client.Priority(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Queue, task.Priority)
	// Output: bulk 3
}
