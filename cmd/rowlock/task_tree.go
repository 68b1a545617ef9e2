package main

import (
	"context"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// printTaskTree draws what a task depends on, and what depends on it, in its workflow.
func (p *program) printTaskTree(ctx context.Context, c *connection, out *output, t *rowlockv1.Task, stale bool) error {
	if t.GetWorkflowId() == "" {
		return usagef("task %s is in no workflow: --tree is for tasks that were submitted by 'rowlock workflow submit'", t.GetId())
	}
	answer, err := c.workflows().GetWorkflow(ctx, &rowlockv1.GetWorkflowRequest{Id: t.GetWorkflowId(), WithTasks: true, Stale: stale})
	if err != nil {
		return err
	}
	tree := render.NewTree(answer.GetTasks()).Around(t.GetId())
	if !out.people() {
		return out.print(tree, nil)
	}
	return tree.Write(p.stdout, t.GetId())
}
