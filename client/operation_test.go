package client_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
)

func TestOperations(t *testing.T) {
	c := connect()
	defer c.Close()
	ctx := t.Context()
	enqueue(ctx, c, "operations", 5, client.Delay(time.Hour))
	o := c.Operations()
	sel := client.Selection{Queue: "operations", States: []client.State{client.Scheduled}}
	slow, err := o.Start(ctx, client.RetryAction, sel, client.Rate(1), client.WithCanary(client.Canary{Wait: time.Hour, MaxFailed: 0.05}), client.Expecting(5))
	if err != nil || slow.Canary == nil || slow.Canary.MaxFailed != 0.05 || slow.Canary.Wait != time.Hour || slow.Expected != 5 || slow.Rate != 1 {
		t.Fatalf("%+v, %v", slow, err)
	}
	if slow, err = o.Abort(ctx, slow.ID); err != nil || slow.State != client.OperationAborted || slow.Selection.States[0] != client.Scheduled {
		t.Errorf("%+v, %v", slow, err)
	}
	if _, err := o.Abort(ctx, slow.ID); !errors.Is(err, client.ErrState) {
		t.Errorf("%v", err)
	}
	if _, err := o.Get(ctx, "0000000000000"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := o.Start(ctx, client.CancelAction, client.Selection{Where: "colour == 1"}); !errors.Is(err, client.ErrInvalid) || !strings.Contains(err.Error(), "'colour'") {
		t.Errorf("%v", err)
	}
	op, err := o.Start(ctx, client.DeleteAction, client.Selection{Queue: "operations"})
	if err != nil {
		t.Fatal(err)
	}
	answers := 0
	if op, err = o.Wait(ctx, op.ID, func(*client.OperationInfo) { answers++ }); err != nil || op.State != client.OperationDone || op.Changed != 5 || answers == 0 {
		t.Errorf("%+v, %v after %d answers", op, err, answers)
	}
	var seen []string
	for x, err := range o.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, x.ID)
	}
	if len(seen) < 2 || seen[0] != op.ID || seen[1] != slow.ID {
		t.Errorf("%v", seen)
	}
	groups, err := c.DeadLetterGroups(ctx, client.Selection{Queue: "operations"}, 0)
	if err != nil || len(groups.Groups) != 0 || !groups.Complete {
		t.Errorf("%+v, %v", groups, err)
	}
	for _, err := range c.List(ctx, client.Query{Where: "nonsense"}) {
		if !errors.Is(err, client.ErrInvalid) {
			t.Errorf("%v", err)
		}
	}
}
