package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// resumption is what 'rowlock cluster resume' has done.
type resumption struct {
	Change   string `json:"change"`
	Timeline string `json:"timeline"`
}

func (p *program) clusterResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Let a restored cluster hand out tasks again",
		Long: `Let a restored cluster hand out tasks again.

A cluster is suspended after a restore: it takes tasks and calls, and nothing happens by itself. Once it is resumed,
pending tasks are handed out, and what is overdue happens as after an outage of that length: delayed tasks and retries
start, times to live end, schedules catch up as their misfire policies say. Pause the queues first whose tasks shouldn't
start yet. A cluster that isn't suspended stays as it is.`,
		Example: "  rowlock cluster status && rowlock cluster resume",
		Args:    args(0, 0),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			status, err := c.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
			if err != nil {
				return err
			}
			done := resumption{Change: "not suspended", Timeline: status.GetTimeline().GetId()}
			if err := confirm.ask(false, "let cluster %s hand out its %s", status.GetClusterId(), render.Count(status.GetLiveTasks(), "live task")); err != nil {
				return err
			}
			answer, err := c.cluster.ResumeCluster(ctx, &rowlockv1.ResumeClusterRequest{})
			if err != nil {
				return err
			}
			if answer.GetResumed() {
				done.Change = "resumed"
			}
			return out.print(done, func(t *render.Table) { t.Row("cluster", done.Change) })
		})
	}
	return cmd
}
