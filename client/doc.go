// Package client is the SDK for programs that enqueue tasks and for operators that look at and change them.
//
// A task's arguments are any struct with a Kind method; they travel as JSON:
//
//	type SendEmail struct {
//		To string `json:"to"`
//	}
//
//	func (SendEmail) Kind() string { return "send_email" }
//
//	c, err := client.New(client.Config{Addrs: []string{"127.0.0.1:7300"}})
//	...
//	receipt, err := c.Enqueue(ctx, SendEmail{To: "ada@example.com"}, client.Queue("mail"))
//
// # Batches
//
// Enqueue is meant to be called from many goroutines, one task a call. Calls that are made while others are on their
// way to the server travel together in the next request; no timer holds any of them back.
//
// # When is a task enqueued?
//
// When Enqueue returns without an error: a majority of the servers has it on disk. A client has a session with the
// servers and numbers its requests, so that one that is repeated because its answer was lost makes no second task. An
// error that is ErrUnknownOutcome means that the task may or may not have been accepted; any other error means that it
// wasn't.
//
// # What became of it?
//
// Wait returns a task when it has ended, and Result what its handler returned. Watch tells what happens to many tasks, from
// any position on, and goes on by itself when a server stops.
//
// # Addresses
//
// Any member of a cluster takes any call. A Client stays with one address, takes the next when it is unavailable, and
// moves to the leader when a server names it.
package client
