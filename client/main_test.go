package client_test

import (
	"os"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/client/clienttest"
)

// server is what the examples talk to: a real one.
var server clienttest.Shared

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// connect is what the examples begin with. A test binary has no better way out of a failure than a panic.
func connect() *client.Client {
	c, err := server.Connect(client.Config{})
	if err != nil {
		panic(err)
	}
	return c
}

// SendEmail is the arguments of the examples' tasks.
type SendEmail struct {
	To string `json:"to"`
}

// Kind names the tasks.
func (SendEmail) Kind() string { return "send_email" }
