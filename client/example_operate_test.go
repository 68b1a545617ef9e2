package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// enqueue puts tasks into a queue for the examples, and returns their IDs.
func enqueue(ctx context.Context, c *client.Client, queue string, n int, options ...client.Option) []string {
	ids := make([]string, n)
	for i := range ids {
		receipt, err := c.Enqueue(ctx, SendEmail{To: fmt.Sprintf("user-%d@example.com", i)}, append(options, client.Queue(queue))...)
		if err != nil {
			panic(err)
		}
		ids[i] = receipt.ID
	}
	return ids
}

// List goes through any number of tasks, page by page.
func ExampleClient_List() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	enqueue(ctx, c, "list", 3)

	for task, err := range c.List(ctx, client.Query{Queue: "list", States: []client.State{client.Pending}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		var args SendEmail
		if err := task.DecodeArgs(&args); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(args.To)
	}
	// Output:
	// user-0@example.com
	// user-1@example.com
	// user-2@example.com
}

// Explain says in words why a task isn't running.
func ExampleClient_Explain() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "explain", 1, client.Delay(time.Hour))

	x, err := c.Explain(ctx, ids[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Reasons[0].Code)
	// Output: delayed
}

// Cancel ends tasks. Calls for many tasks tell of each what became of it.
func ExampleClient_Cancel() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "cancel", 2)

	changes, err := c.Cancel(ctx, append(ids, "0000000000000")...)
	for _, change := range changes[:2] {
		fmt.Println(change.Err)
	}
	fmt.Println(err != nil)
	// Output:
	// <nil>
	// <nil>
	// true
}

// Reschedule changes when a task runs, or its priority. Move puts it into another queue.
func ExampleClient_Reschedule() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "reschedule", 1)

	if err := c.Reschedule(ctx, ids[0], client.Schedule{Delay: time.Hour}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Move(ctx, "reschedule-other", ids...); err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, ids[0], client.OmitPayload())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.Queue, task.State)

	if _, err := c.Retry(ctx, ids...); err != nil { // at once, after all
		fmt.Println(err)
		return
	}
	if task, err = c.Get(ctx, ids[0]); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(task.State)
	// Output:
	// reschedule-other scheduled
	// pending
}

// A queue has settings, which are the defaults of its tasks, and can be paused, drained and purged.
func ExampleQueues() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	queues := c.Queues()

	if _, err := queues.Set(ctx, "reports", client.QueueSettings{MaxAttempts: 3, Timeout: time.Minute}); err != nil {
		fmt.Println(err)
		return
	}
	if err := queues.Pause(ctx, "reports"); err != nil {
		fmt.Println(err)
		return
	}
	ids := enqueue(ctx, c, "reports", 2)
	task, err := c.Get(ctx, ids[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	queue, err := queues.Get(ctx, "reports")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("attempts", task.MaxAttempts, "paused", queue.Paused, "pending", queue.Pending)

	purged, err := queues.Purge(ctx, "reports")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("purged", purged)
	// Output:
	// attempts 3 paused true pending 2
	// purged 2
}

// Status tells about the cluster.
func ExampleClient_Status() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	status, err := c.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Role, len(status.Members))
	// Output: leader 1
}
