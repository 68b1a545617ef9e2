//go:build linux

package exec_test

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/exec"
)

// Any program is a handler. In a Worker: w.HandleFunc("checksum", handler).
func ExampleHandler() {
	handler, err := exec.Handler(exec.Config{Command: "sha256sum | cut -c 1-16"})
	if err != nil {
		fmt.Println(err)
		return
	}
	task := &worker.RawTask{Kind: "checksum", Payload: []byte("hello")}
	outcome := worker.Try(context.Background(), handler, task, nil)
	fmt.Printf("%v %s", outcome.Kind, outcome.Result)
	// Output: completed 2cf24dba5fb0a30e
}
