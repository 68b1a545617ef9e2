package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// What was read of a task puts it back, should it be deleted by mistake.
func ExampleClient_Import() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	ids := enqueue(ctx, c, "invoices", 2, client.Delay(time.Hour))
	var kept []*client.TaskInfo
	for t, err := range c.List(ctx, client.Query{Queue: "invoices"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		kept = append(kept, t)
	}
	if _, err := c.Delete(ctx, ids[0]); err != nil {
		fmt.Println(err)
		return
	}

	back, err := c.Import(ctx, kept)
	fmt.Println(back[0].ID == ids[0], back[0].State, back[0].Err)
	fmt.Println(errors.Is(back[1].Err, client.ErrConflict), errors.Is(err, client.ErrConflict))
	// Output:
	// true scheduled <nil>
	// true true
}
