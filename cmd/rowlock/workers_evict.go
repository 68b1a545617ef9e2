package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) workersEvictCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evict SESSION|WORKER",
		Short: "End the session of a dead worker at once: its tasks go back to their queues, and no attempt is burnt",
		Long: `End the session of a dead worker at once: its tasks go back to their queues, and no attempt is burnt.

Without this the tasks of a worker that died wait until its session ends by itself, 30 s after its last heartbeat. Use it
when you know that the worker is dead: its node is gone, say. What it sends later is refused. A worker that is alive all
the same stops what it runs and comes back with a new session, and its tasks may have run twice: to stop a living worker
use 'rowlock workers drain'.`,
		Example: "  rowlock workers evict 12 --yes\n  rowlock workers evict mail-7",
		Args:    args(1, 1),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.workers.GetWorker(ctx, &rowlockv1.GetWorkerRequest{Worker: args[0]})
			if err != nil {
				return err
			}
			w := answer.GetWorker()
			if err := confirm.ask(true, "end session %d of worker %s (%s), and put the %s that it runs back into their queues",
				w.GetSessionId(), w.GetInfo().GetWorkerId(), p.ago(w), render.Count(int(w.GetRunning()), "task")); err != nil {
				return err
			}
			// By its ID, so that what is evicted is what was shown, and not a session that it opened since.
			gone, err := c.workers.EvictWorker(ctx, &rowlockv1.EvictWorkerRequest{Worker: strconv.FormatUint(w.GetSessionId(), 10)})
			switch {
			case err == nil:
				w = gone.GetWorker()
			case !errors.Is(err, client.ErrNotFound): // it has ended meanwhile, by itself or by a try whose answer was lost
				return err
			}
			return p.printWorker(out, w, fmt.Sprintf("evicted, %s put back", render.Count(int(w.GetRunning()), "task")))
		})
	}
	return cmd
}
