package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/webhook"
)

// Any URL is a handler. In a Worker: w.HandleFunc("invoice", handler).
func ExampleHandler() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "attempt %s of %s", r.Header.Get("X-Rowlock-Attempt"), r.Header.Get("X-Rowlock-Kind"))
	}))
	defer service.Close()

	handler, err := webhook.Handler(webhook.Config{URL: service.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	task := &worker.RawTask{Kind: "invoice", Attempt: 1, Payload: []byte(`{"number":7}`)}
	outcome := worker.Try(context.Background(), handler, task, nil)
	fmt.Printf("%v: %s\n", outcome.Kind, outcome.Result)
	// Output: completed: attempt 1 of invoice
}
