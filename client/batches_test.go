package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// TestBatches is the client against a real server: callbacks, lists, and errors that programs can tell apart.
func TestBatches(t *testing.T) {
	c := connect()
	defer c.Close()
	ctx, batches := t.Context(), c.Batches()
	report := &client.NewTask{Args: SendEmail{To: "x"}, Options: []client.Option{client.Queue("batch-reports"), client.Unique("report")}}
	b, err := batches.Create(ctx, client.NewBatch{OnSuccess: report, OnComplete: report})
	if err != nil {
		t.Fatal(err)
	}
	if b.State != client.BatchOpen || b.OnDeath != nil || b.CreatedAt.IsZero() {
		t.Errorf("a new batch: %+v", b)
	}
	if _, err := batches.Close(ctx, b.ID); err != nil {
		t.Fatal(err)
	}
	if b, err = batches.Wait(ctx, b.ID); err != nil || b.State != client.BatchEnded {
		t.Fatalf("%+v, %v", b, err)
	}
	if task, err := c.Get(ctx, b.OnSuccess.TaskID); err != nil || task.CallbackOf != b.ID || task.Callback != "on_success" {
		t.Errorf("the callback: %+v, %v", task, err)
	}
	if refused := b.OnComplete; refused.State != "retrying" || refused.NextAt.IsZero() || refused.Refusals == 0 || !errors.Is(refused.Err, client.ErrConflict) || refused.TaskID != b.OnSuccess.TaskID {
		t.Errorf("the second with the same unique key: %+v", refused)
	}
	found := false
	for other, err := range batches.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || other.ID == b.ID
	}
	if !found {
		t.Error("the batch isn't listed")
	}

	if _, err := c.Enqueue(ctx, SendEmail{}, client.InBatch(b.ID)); !errors.Is(err, client.ErrBatchClosed) || !errors.Is(err, client.ErrState) {
		t.Errorf("a task for a closed batch: %v", err)
	}
	if _, err := batches.Get(ctx, "0ZZZZZZZZZZZZ"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a batch that isn't there: %v", err)
	}
	dependent := &client.NewTask{Args: SendEmail{}, Options: []client.Option{client.DependsOn(b.OnSuccess.TaskID)}}
	if _, err := batches.Create(ctx, client.NewBatch{OnDeath: dependent}); !errors.Is(err, client.ErrInvalid) || !strings.Contains(err.Error(), "on_death.depends_on") {
		t.Errorf("a callback that depends: %v", err)
	}
}
