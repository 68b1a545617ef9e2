package worker_test

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// A task that depends on others gets their results.
func ExampleRawTask_Parent() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	w, err := worker.New(c, worker.Config{Queues: map[string]int{"sums": 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.HandleFunc("number", func(_ context.Context, t *worker.RawTask) error { return t.SetResult(len(t.Payload)) })
	w.HandleFunc("sum", func(_ context.Context, t *worker.RawTask) error {
		sum := 0
		for _, p := range t.Parents {
			var n int
			if err := p.Decode(&n); err != nil {
				return worker.Permanent(err)
			}
			sum += n
		}
		return t.SetResult(sum)
	})
	w.HandleFunc("print", func(_ context.Context, t *worker.RawTask) error {
		sum, _ := t.Parent("sum")
		fmt.Printf("%s: %s %s\n", sum.Ref, sum.State, sum.Result)
		return nil
	})
	defer start(w)()

	on := client.Queue("sums")
	graph := client.NewGraph("sum of lengths").
		Add("one", client.Raw("number", []byte("first")), on).
		Add("two", client.Raw("number", []byte("second")), on).
		Add("sum", client.Raw("sum", nil), on, client.After("one", "two")).
		Add("print", client.Raw("print", nil), on, client.After("sum"))
	receipt, err := c.Workflows().Enqueue(ctx, graph)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Wait(ctx, receipt.TaskIDs["print"]); err != nil {
		fmt.Println(err)
	}
	// Output: sum: completed 11
}
