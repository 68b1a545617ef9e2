package client_test

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/client"
)

// One client serves a whole process. It connects by itself, and again when a connection is lost.
func Example() {
	addr, err := server.Addr() // usually from the program's configuration
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := client.New(client.Config{Addrs: []string{addr}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	receipt, err := c.Enqueue(context.Background(), SendEmail{To: "ada@example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a task's ID has", len(receipt.ID), "characters")
	// Output: a task's ID has 13 characters
}
