package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// Tasks with a fair key take turns with those of other keys; the queue limits how many of each run, and how fast they start.
func ExampleFairKey() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	queue, err := c.Queues().Set(ctx, "reports", client.QueueSettings{
		MaxRunning:    50,
		KeyMaxRunning: 5,
		KeyRate:       client.RateLimit{Tasks: 10, Per: time.Minute},
		FairWeights:   map[string]int{"acme": 3},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("reports"),
		client.FairKey("acme"), client.Singleton("account-4711"), client.Sticky("template-7"), client.Require("zone", "eu"))
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Get(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(queue.Settings.KeyMaxRunning, queue.Settings.KeyRate.Tasks, queue.Settings.FairWeights["acme"])
	fmt.Println(task.FairKey, task.SingletonKey, task.StickyKey, task.Require["zone"])
	// Output:
	// 5 10 3
	// acme account-4711 template-7 eu
}
