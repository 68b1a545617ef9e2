package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) clusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cluster",
		Short:   "Look at the group of servers, and change who is in it",
		Example: "  rowlock cluster members\n  rowlock cluster remove rowlock-2",
		GroupID: groupOperate,
	}
	cmd.AddCommand(p.clusterStatusCommand(), p.clusterMembersCommand(), p.clusterJoinCommand(), p.clusterRemoveCommand(),
		p.clusterPromoteCommand(), p.clusterDemoteCommand(), p.clusterTransferCommand(), p.clusterRecoverCommand(),
		p.clusterResumeCommand(), p.clusterRebuildCommand())
	return cmd
}

func (p *program) clusterStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the leader, the members and the state of the log, as the member at --addr sees them",
		Example: "  rowlock cluster status -o json | jq .leader_id",
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
			if err != nil {
				return err
			}
			cluster := render.NewCluster(answer)
			return out.print(cluster, func(t *render.Table) { cluster.Table(t, p.now()) })
		})
	}
	return cmd
}
