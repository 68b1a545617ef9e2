package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workflowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workflow",
		Short:   "Submit tasks that depend on each other, look at them and cancel them together",
		Example: "  rowlock workflow submit order.json\n  rowlock workflow get 000000000001A",
		GroupID: groupTasks,
	}
	cmd.AddCommand(p.workflowSubmitCommand(), p.workflowGetCommand(), p.workflowListCommand(), p.workflowCancelCommand())
	return cmd
}

// workflows are the calls for workflows.
func (c *connection) workflows() rowlockv1.WorkflowServiceClient {
	return rowlockv1.NewWorkflowServiceClient(c.Conn())
}

// printWorkflow prints a workflow and draws its tasks.
func (p *program) printWorkflow(ctx context.Context, c *connection, out *output, id string, stale bool) (*rowlockv1.Workflow, error) {
	answer, err := c.workflows().GetWorkflow(ctx, &rowlockv1.GetWorkflowRequest{Id: id, WithTasks: true, Stale: stale})
	if err != nil {
		return nil, err
	}
	p.lag(answer.GetLag())
	w, tree := render.NewWorkflow(answer.GetWorkflow()), render.NewTree(answer.GetTasks())
	if !out.people() {
		return answer.GetWorkflow(), out.print(render.WorkflowTree{Workflow: w, Tree: tree}, nil)
	}
	if err := out.print(w, func(t *render.Table) { w.Table(t, p.now()) }); err != nil {
		return nil, err
	}
	if len(tree.Nodes) == 0 {
		return answer.GetWorkflow(), nil
	}
	if _, err := fmt.Fprintln(p.stdout); err != nil {
		return nil, err
	}
	return answer.GetWorkflow(), tree.Write(p.stdout, "")
}
