package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// Watch tells what happens to tasks from a position on, here that of a list: nothing is missed in between.
func ExampleClient_Watch() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "watched", 1)

	_, _, position, err := c.PageAt(ctx, client.Query{Queue: "watched"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Cancel(ctx, ids...); err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range c.Watch(ctx, client.WatchQuery{Queue: "watched", After: position}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.From, "to", event.To)
		break
	}
	// Output: pending to cancelled
}

// Result waits for what a task's handler returns.
func ExampleResult() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "results", 1)
	if _, err := c.Cancel(ctx, ids...); err != nil { // there is no worker in this example
		fmt.Println(err)
		return
	}

	_, err := client.Result[string](ctx, c, ids[0])
	var failed *client.TaskFailedError
	fmt.Println(errors.As(err, &failed) && failed.Task.Reason == "cancelled")
	// Output: true
}

// Debounce makes one task of calls that follow each other, with the last one's arguments.
func ExampleDebounce() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	quiet := client.Debounce("ada", time.Minute, time.Hour)
	for _, to := range []string{"ada@example.com", "lovelace@example.com"} {
		receipt, err := c.Enqueue(ctx, SendEmail{To: to}, client.Queue("debounced"), quiet)
		if err != nil {
			fmt.Println(err)
			return
		}
		task, err := c.Get(ctx, receipt.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(receipt.Existing, task.State, string(task.Payload))
	}
	// Output:
	// false scheduled {"to":"ada@example.com"}
	// true scheduled {"to":"lovelace@example.com"}
}

// A queue with a bound refuses what is beyond it.
func ExampleQueues_Set_bounds() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	if _, err := c.Queues().Set(ctx, "small", client.QueueSettings{MaxTasks: 1}); err != nil {
		fmt.Println(err)
		return
	}
	enqueue(ctx, c, "small", 1)
	_, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("small"))
	fmt.Println(errors.Is(err, client.ErrQueueFull))
	// Output: true
}
