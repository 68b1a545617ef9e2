package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// Tasks that depend on each other are enqueued as a graph, all or none of them. A refund is for the case that shipping fails.
func ExampleWorkflows_Enqueue() {
	ctx := context.Background()
	c := connect()
	defer c.Close()

	step := func(name string) client.Args { return client.Raw(name, nil) }
	graph := client.NewGraph("order").
		Add("charge", step("charge"), client.Queue("shop")).
		Add("ship", step("ship"), client.Queue("shop"), client.After("charge")).
		Add("refund", step("refund"), client.Queue("shop"), client.After("charge"), client.AfterFailure("ship"), client.CancelOnParentFailure()).
		Add("notify", step("notify"), client.Queue("shop"), client.AfterEnd("ship", "refund"))
	receipt, err := c.Workflows().Enqueue(ctx, graph)
	if err != nil {
		fmt.Println(err)
		return
	}
	workflow, err := c.Workflows().Get(ctx, receipt.WorkflowID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(workflow.Name, workflow.State, workflow.Tasks)
	tasks, err := c.Workflows().Tasks(ctx, receipt.WorkflowID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range tasks {
		fmt.Println(t.Ref, t.State, len(t.Dependencies))
	}
	cancelled, err := c.Workflows().Cancel(ctx, receipt.WorkflowID)
	fmt.Println(cancelled, err)
	// Output:
	// order running 4
	// charge pending 0
	// ship blocked 1
	// refund blocked 2
	// notify blocked 2
	// 4 <nil>
}

// A graph that can't be is refused with an error that says why.
func TestBadGraph(t *testing.T) {
	c := connect()
	defer c.Close()
	step := client.Raw("step", nil)
	_, err := c.Workflows().Enqueue(t.Context(), client.NewGraph("").Add("a", step, client.After("b")).Add("b", step, client.After("a")))
	if !errors.Is(err, client.ErrInvalid) || !strings.Contains(err.Error(), "a -> b -> a") {
		t.Errorf("a cycle is refused with %v", err)
	}
	if _, err := c.Workflows().Get(t.Context(), "0000000000ZZZ"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("an unknown workflow: %v", err)
	}
	n := 0
	for w, err := range c.Workflows().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if w.ID == "" {
			t.Errorf("a workflow without an ID: %+v", w)
		}
		n++
	}
	t.Logf("%d workflows", n)
}

// Tasks outside of graphs can have all kinds of dependencies too.
func TestDependencies(t *testing.T) {
	c := connect()
	defer c.Close()
	parents := enqueue(t.Context(), c, "kin", 2)
	child := enqueue(t.Context(), c, "kin", 1, client.DependsOnFailure(parents[0]), client.DependsOnEnd(parents[1]), client.CancelOnParentFailure())[0]
	info, err := c.Get(t.Context(), child)
	if err != nil {
		t.Fatal(err)
	}
	want := []client.Dependency{{TaskID: parents[0], When: client.OnFailure}, {TaskID: parents[1], When: client.OnEnd}}
	if info.State != client.Blocked || fmt.Sprint(info.Dependencies) != fmt.Sprint(want) || info.OnParentFailure != "cancel" {
		t.Errorf("got %+v", info)
	}
}
