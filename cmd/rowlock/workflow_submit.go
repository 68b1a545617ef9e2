package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// maxGraphFile is more than any graph takes that the servers accept.
	maxGraphFile = 8 << 20
	// workflowPoll is how often a workflow is looked at that is waited for.
	workflowPoll = 250 * time.Millisecond
)

func (p *program) workflowSubmitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Enqueue the tasks of a file that depend on each other, all or none of them",
		Long: `Enqueue the tasks of a file that depend on each other, all or none of them, and print their IDs; - is stdin. The file is
a JSON object:

  {"name": "order", "queue": "shop", "tasks": [
    {"ref": "charge", "kind": "charge", "payload": {"order": 7}},
    {"ref": "ship",   "kind": "ship",   "dependencies": ["charge"]},
    {"ref": "refund", "kind": "refund", "dependencies": ["charge", {"ref": "ship", "when": "failure"}],
     "on_parent_failure": "cancel"}
  ]}

A task has a ref that is unique in the file, and otherwise the fields of a line of 'rowlock enqueue --from-file'. A dependency is
the ref of a task of the file, or an object with ref or task_id (of a task that exists) and when: success (default), failure or
any. on_parent_failure says what becomes of a task when one that must complete first can't: dead_letter (default) or cancel.

Up to 1,000 tasks and 256 KiB of payloads.`,
		Example: "  rowlock workflow submit order.json\n  rowlock workflow submit order.json --wait",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	var call enqueueCall
	cmd.Flags().StringVar(&call.requestID, "request-id", "", "names the call: one with the same ID within 24 h is executed once (default: a random one)")
	cmd.Flags().BoolVar(&call.wait, "wait", false, "wait until all tasks have ended; exit code 1 unless the workflow completed")
	cmd.Flags().DurationVar(&call.waitTimeout, "wait-timeout", 0, "wait no longer than this; the tasks go on (default: no limit)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := call.check(); err != nil {
			return err
		}
		req, err := p.graphFile(args[0])
		if err != nil {
			name := args[0]
			if name == "-" {
				name = "stdin"
			}
			return usagef("%s: %s; nothing was enqueued", name, err)
		}
		req.RequestId = call.requestID
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return p.submit(ctx, c, out, &call, req) })
	}
	return cmd
}

// graphFile reads and checks a file; - is stdin.
func (p *program) graphFile(path string) (*rowlockv1.EnqueueGraphRequest, error) {
	source := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			var why *os.PathError
			if errors.As(err, &why) {
				return nil, why.Err
			}
			return nil, err
		}
		defer file.Close()
		source = file
	}
	text, err := io.ReadAll(io.LimitReader(source, maxGraphFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxGraphFile {
		return nil, fmt.Errorf("more than %d bytes: a graph has at most 1000 tasks and 256 KiB of payloads", maxGraphFile)
	}
	return taskfile.ParseGraph(text)
}

func (p *program) submit(ctx context.Context, c *connection, out *output, call *enqueueCall, req *rowlockv1.EnqueueGraphRequest) error {
	answer, err := c.workflows().EnqueueGraph(ctx, req)
	if err != nil {
		return call.unsure(err)
	}
	submitted := render.Submitted{WorkflowID: answer.GetWorkflowId(), TaskIDs: answer.GetTaskIds()}
	if call.wait {
		return p.awaitWorkflow(ctx, c, out, submitted.WorkflowID, call.waitTimeout)
	}
	if err := out.print(submitted, submitted.Table); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "Workflow %s has %s; 'rowlock workflow get %s' shows how they are.\n",
		submitted.WorkflowID, render.Count(len(submitted.TaskIDs), "task"), submitted.WorkflowID)
	return nil
}

// awaitWorkflow waits until all tasks of a workflow have ended, or for timeout unless that is 0, and prints it. One that didn't
// complete is an error.
func (p *program) awaitWorkflow(ctx context.Context, c *connection, out *output, id string, timeout time.Duration) error {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if err := pollWorkflow(waiting, c, id); err != nil {
		code, text := explain(ctx, err)
		if ctx.Err() == nil && waiting.Err() != nil {
			code, text = exitFailed, fmt.Sprintf("not ended within %s (--wait-timeout)", timeout)
		}
		return &exitError{code: code, text: fmt.Sprintf("%s; workflow %s is enqueued, 'rowlock workflow get %s' shows what became of it", text, id, id)}
	}
	w, err := p.printWorkflow(ctx, c, out, id, false)
	if err != nil || w.GetState() == rowlockv1.Workflow_completed {
		return err
	}
	return &exitError{code: exitFailed, text: fmt.Sprintf("workflow %s has %s", id, ended(w.GetState()))}
}

func ended(s rowlockv1.Workflow_State) string {
	if s == rowlockv1.Workflow_cancelled {
		return "been cancelled"
	}
	return "failed: some of its tasks are in the dead letter queue"
}

func pollWorkflow(ctx context.Context, c *connection, id string) error {
	tick := time.NewTicker(workflowPoll)
	defer tick.Stop()
	for {
		answer, err := c.workflows().GetWorkflow(ctx, &rowlockv1.GetWorkflowRequest{Id: id})
		if err != nil || answer.GetWorkflow().GetState() != rowlockv1.Workflow_running {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
