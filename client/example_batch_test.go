package client_test

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/client"
)

// A batch counts the tasks that are added to it, and enqueues a task of its own when they have ended.
func ExampleBatches() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	batches := c.Batches()

	batch, err := batches.Create(ctx, client.NewBatch{
		Name:      "newsletter",
		OnSuccess: &client.NewTask{Args: SendEmail{To: "editor@example.com"}, Options: []client.Option{client.Queue("reports-of-batches")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, to := range []string{"ada@example.com", "alan@example.com"} {
		if _, err := c.Enqueue(ctx, SendEmail{To: to}, client.Queue("batched"), client.InBatch(batch.ID)); err != nil {
			fmt.Println(err)
			return
		}
	}
	if batch, err = batches.Close(ctx, batch.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.Name, batch.State, batch.Waiting, "of", batch.Total, "wait, the callback is", batch.OnSuccess.State)

	if _, err = batches.Cancel(ctx, batch.ID); err != nil { // or let workers complete them
		fmt.Println(err)
		return
	}
	if batch, err = batches.Wait(ctx, batch.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.State, batch.Cancelled, "cancelled, the callback is", batch.OnSuccess.State)
	// Output:
	// newsletter closed 2 of 2 wait, the callback is waiting
	// ended 2 cancelled, the callback is waiting
}
