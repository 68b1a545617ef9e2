package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// An operation changes all tasks that a filter selects, and goes on by itself.
func ExampleOperations() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	enqueue(ctx, c, "newsletter", 3, client.Labels(map[string]string{"campaign": "spring"}), client.Delay(time.Hour))
	enqueue(ctx, c, "newsletter", 2, client.Delay(time.Hour))
	operations := c.Operations()
	spring := client.Selection{Queue: "newsletter", Where: `labels.campaign == "spring"`}

	count, err := operations.Count(ctx, client.CancelAction, spring)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("would cancel", count.Matched)

	op, err := operations.Start(ctx, client.CancelAction, spring, client.Rate(1000), client.Named("no spring this year"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if op, err = operations.Wait(ctx, op.ID, nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(op.State, op.Changed)
	// Output:
	// would cancel 3
	// done 3
}
