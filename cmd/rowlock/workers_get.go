package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workersGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get SESSION|WORKER",
		Short: "Show one worker: what it serves, when it was heard of last, and the tasks that it runs",
		Long: `Show one worker: what it serves, when it was heard of last, and the tasks that it runs.

Name it by the ID of its session, or by its worker_id if no other worker has the same.`,
		Example: "  rowlock workers get 12\n  rowlock workers get mail-7 -o json",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.workers.GetWorker(ctx, &rowlockv1.GetWorkerRequest{Worker: args[0]})
			if err != nil {
				return err
			}
			worker := &render.BusyWorker{Worker: render.NewWorker(answer.GetWorker()), Tasks: render.NewTasks(answer.GetTasks())}
			return out.print(worker, func(t *render.Table) { worker.Table(t, p.now()) })
		})
	}
	return cmd
}

// printWorker prints a worker as a call left it, and for people what became of it.
func (p *program) printWorker(out *output, w *rowlockv1.Worker, became string) error {
	worker := render.NewWorker(w)
	return out.print(worker, func(t *render.Table) { t.Row(worker.Title() + ": " + became) })
}

// ago is how long ago a worker was heard of, in words.
func (p *program) ago(w *rowlockv1.Worker) string {
	if w.GetHeartbeatAt() == nil {
		return "not heard of since the leader changed"
	}
	return "heard of " + render.Span(max(p.now().Sub(w.GetHeartbeatAt().AsTime()), time.Duration(0))) + " ago"
}
