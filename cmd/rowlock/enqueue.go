package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) enqueueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enqueue QUEUE",
		Short: "Ask for work: enqueue one task, or a file of them",
		Long: `Enqueue one task, or a file of them, and print their IDs. A task whose ID was printed is durable.

A payload on the command line must be JSON, or anything with --raw; one from a file or stdin is taken as it is.

A file has one JSON object a line, with these fields, all of them optional:
  queue, kind, unique_key, fair_key, singleton_key,
  sticky_key, trace_context                          text
  payload                                            any JSON; payload_base64 for other bytes
  delay_seconds, timeout_seconds, ttl_seconds,
  unique_window_seconds, debounce_max_seconds        seconds, such as 90 or 0.5
  run_at                                             a time such as "2030-01-31T08:00:00Z"
  priority, max_attempts, max_worker_deaths          whole numbers
  unique_mode                                        "reject", "return", "replace" or "debounce"
  labels, require                                    {"key": "value"}
  depends_on                                         ["ID", …]
  batch_id                                           the ID of an open batch
  dependencies                                       [{"task_id": "ID", "when": "success", "failure" or "any"}]
  on_parent_failure                                  "dead_letter" or "cancel"
  backoff                                            {"initial_seconds": 1, "maximum_seconds": 60, "multiplier": 2}
                                                     or {"delays_seconds": [1, 10]}
It is checked as a whole before anything is sent. QUEUE is for the lines that name none. A file that was sent in part is
sent again with the same --request-id.`,
		Example: `  rowlock enqueue mail --kind welcome --payload '{"to":"ada@example.com"}'
  rowlock enqueue reports --payload @report.json --at 2030-01-31T08:00:00Z --max-attempts 3
  rowlock enqueue mail --from-file tasks.jsonl
  rowlock enqueue build --payload '{"commit":"4f2a"}' --wait
  rowlock enqueue index --unique-key page-7 --unique-mode debounce --delay 10s --debounce-max 5m`,
		GroupID: groupTasks,
		Args:    args(0, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	var call enqueueCall
	var task taskFlags
	task.add(cmd.Flags())
	call.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		queue := ""
		if len(args) > 0 {
			queue = args[0]
		}
		if err := call.check(); err != nil {
			return err
		}
		if call.fromFile != "" {
			return p.enqueueFile(cmd, connect, out, &call, queue)
		}
		if queue == "" {
			return usagef("missing argument: want 'rowlock enqueue QUEUE', or --from-file FILE")
		}
		newTask, err := task.task(p, cmd.Flags(), queue)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return p.enqueueOne(ctx, c, out, &call, newTask) })
	}
	return cmd
}

// enqueueOne enqueues one task, prints its ID, and waits for its end where that is asked.
func (p *program) enqueueOne(ctx context.Context, c *connection, out *output, call *enqueueCall, t *rowlockv1.NewTask) error {
	answer, err := c.tasks.Enqueue(ctx, &rowlockv1.EnqueueRequest{Tasks: []*rowlockv1.NewTask{t}, RequestId: call.requestID})
	if err != nil {
		return call.unsure(err)
	}
	result := answer.GetResults()[0]
	if status := result.GetError(); status.GetCode() != 0 {
		return &exitError{code: exitCode(status.GetCode()), text: refusal(result)}
	}
	if out.people() {
		if _, err := fmt.Fprintln(p.stdout, result.GetTaskId()); err != nil {
			return err
		}
		switch {
		case result.GetExisting() && t.GetUniqueMode() == rowlockv1.UniqueMode_debounce:
			fmt.Fprintln(p.stderr, "The task was there: it has been put off, and has the new payload.")
		case result.GetExisting():
			fmt.Fprintln(p.stderr, "The unique key is taken: this is the task that has it.")
		}
	} else if !call.wait {
		return out.print(render.Enqueued{TaskID: result.GetTaskId(), Existing: result.GetExisting()}, nil)
	}
	if call.wait {
		return p.awaitTask(ctx, c, out, result.GetTaskId(), call.waitTimeout)
	}
	return nil
}

// refusal says why a task wasn't accepted.
func refusal(result *rowlockv1.EnqueueResult) string {
	text := result.GetError().GetMessage()
	if id := result.GetTaskId(); id != "" && !strings.Contains(text, id) {
		text += " (by task " + id + ")"
	}
	return text
}

// unsure adds to an error after which nobody knows whether the call was executed how to make sure.
func (e *enqueueCall) unsure(err error) error {
	code, text := explain(context.Background(), err)
	if code != exitUnavailable && code != exitFailed {
		return err
	}
	return &exitError{code: code, text: fmt.Sprintf("%s; the same command with --request-id %s enqueues nothing twice", text, e.requestID)}
}
