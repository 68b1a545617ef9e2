package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// drainPoll is how often a waiting drain looks.
	drainPoll = 250 * time.Millisecond
	// drainLinger is how long a worker that runs nothing any more may take to leave before nobody waits for that.
	drainLinger = 5 * time.Second
)

func (p *program) workersDrainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain SESSION|WORKER",
		Short: "Have a worker take no more tasks, finish those that it runs, and leave",
		Long: `Have a worker take no more tasks, finish those that it runs, and leave.

'rowlock worker' and workers made with the Go SDK are told at once, and end when they are done; something that starts them
again, such as a Deployment, gives them a new session. Workers in other languages get the refusal session_draining from
their next Lease. The mark outlives leaders and restarts. Tasks that run on for too long can be taken from the worker by
'rowlock stuck reset ID' or 'rowlock workers evict'.`,
		Example: "  rowlock workers drain mail-7\n  rowlock workers drain 12 --wait --timeout 10m",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	wait := cmd.Flags().Bool("wait", false, "wait until it runs nothing any more, and has left")
	timeout := cmd.Flags().Duration("timeout", 0, "give up waiting after this long; 0: never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *timeout < 0 {
			return usagef("--timeout %s: want 0s or more", *timeout)
		}
		if *timeout > 0 && !*wait {
			return usagef("--timeout is for --wait")
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.workers.DrainWorker(ctx, &rowlockv1.DrainWorkerRequest{Worker: args[0]})
			if err != nil {
				return err
			}
			w := answer.GetWorker()
			if !*wait {
				return p.printWorker(out, w, fmt.Sprintf("takes no more tasks, %s to finish", render.Count(int(w.GetRunning()), "task")))
			}
			return p.waitForDrain(ctx, c, out, w, *timeout)
		})
	}
	return cmd
}

// waitForDrain waits until a session has ended. One that stays open although it runs nothing is drained as well: its worker
// doesn't know what that means.
func (p *program) waitForDrain(ctx context.Context, c *connection, out *output, w *rowlockv1.Worker, timeout time.Duration) error {
	waiting, cancel := withTimeout(ctx, timeout)
	defer cancel()
	id := strconv.FormatUint(w.GetSessionId(), 10)
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	idle := time.Time{}
	for {
		answer, err := c.workers.GetWorker(waiting, &rowlockv1.GetWorkerRequest{Worker: id})
		switch {
		case errors.Is(err, client.ErrNotFound):
			w.Running = 0
			return p.printWorker(out, w, "drained, it has left")
		case waiting.Err() != nil && ctx.Err() == nil:
			return &exitError{code: exitFailed, text: fmt.Sprintf("worker %s still runs %s after %s (--timeout): it goes on draining, see 'rowlock workers get %s'",
				w.GetInfo().GetWorkerId(), render.Count(int(w.GetRunning()), "task"), timeout, id)}
		case err != nil:
			return err
		}
		if w = answer.GetWorker(); w.GetRunning() > 0 {
			idle = time.Time{}
		} else if idle.IsZero() {
			idle = p.now()
		} else if p.now().Sub(idle) > drainLinger {
			return p.printWorker(out, w, "drained, but its session is open still: stop the worker")
		}
		select {
		case <-tick.C:
		case <-waiting.Done():
		}
	}
}
