package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// memberChange is what a change of the group has done.
type memberChange struct {
	ID     string `json:"id,omitempty"`
	Change string `json:"change"`
}

// printChange prints a change of the group.
func printChange(out *output, id, change string) error {
	return out.print(memberChange{ID: id, Change: change}, func(t *render.Table) { t.Row(id, change) })
}

func (p *program) clusterRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a member out of the group",
		Long: `Take a member out of the group, as before its server is stopped for good.

It is refused where the rest of the voters would have no majority that answers. A leader hands over first. The server goes
on running without the group; if it is started again it joins again.`,
		Example: "  rowlock cluster remove rowlock-4 && kubectl scale statefulset rowlock --replicas 4",
		Args:    args(1, 1),
	}
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if err := confirm.ask(false, "take %s out of the group", args[0]); err != nil {
				return err
			}
			if _, err := c.cluster.RemoveMember(ctx, &rowlockv1.RemoveMemberRequest{Id: args[0]}); err != nil {
				return err
			}
			return printChange(out, args[0], "removed")
		})
	}
	return cmd
}

func (p *program) clusterPromoteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "promote NODE",
		Short:   "Make a standby a voter, also beyond --max-voters",
		Example: "  rowlock cluster promote rowlock-5",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if _, err := c.cluster.PromoteMember(ctx, &rowlockv1.PromoteMemberRequest{Id: args[0]}); err != nil {
				return err
			}
			return printChange(out, args[0], "promoted")
		})
	}
	return cmd
}

func (p *program) clusterDemoteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demote NODE",
		Short: "Make a voter a standby, which it stays until it is promoted",
		Long: `Make a voter a standby, which it stays until it is promoted.

It is refused where the rest of the voters would have no majority that answers. A leader hands over first.`,
		Example: "  rowlock cluster demote rowlock-0",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if _, err := c.cluster.DemoteMember(ctx, &rowlockv1.DemoteMemberRequest{Id: args[0]}); err != nil {
				return err
			}
			return printChange(out, args[0], "demoted")
		})
	}
	return cmd
}

func (p *program) clusterTransferCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "transfer-leader [NODE]",
		Short:   "Make another voter the leader: the one named, or the most up to date",
		Example: "  rowlock cluster transfer-leader rowlock-1",
		Args:    args(0, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			req := &rowlockv1.TransferLeadershipRequest{}
			if len(args) > 0 {
				req.Id = args[0]
			}
			if _, err := c.cluster.TransferLeadership(ctx, req); err != nil {
				return err
			}
			answer, err := c.cluster.ListMembers(ctx, &rowlockv1.ListMembersRequest{}) // which only a leader answers
			if err != nil {
				return err
			}
			for _, m := range answer.GetMembers() {
				if m.GetMember().GetLeader() {
					return printChange(out, m.GetMember().GetId(), "leads")
				}
			}
			return printChange(out, "", "leadership was handed over")
		})
	}
	return cmd
}

func (p *program) clusterJoinCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "join ADDR",
		Short: "Take a running server of this cluster into the group again, after it was removed",
		Long: `Take the server at an API address into the group again, after it was removed and while it still runs.

A new server joins by itself: start it with --join.`,
		Example: "  rowlock cluster join rowlock-2.rowlock-members:7300",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkAPIAddr(args[0]); err != nil {
			return usagef("ADDR %q: %s", args[0], err)
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			status, err := statusOf(ctx, connect, args[0])
			if err != nil {
				return fmt.Errorf("the server at %s: %w", args[0], err)
			}
			self := status.GetSelf()
			_, err = c.cluster.JoinCluster(ctx, &rowlockv1.JoinClusterRequest{
				Member: self, ClusterId: status.GetClusterId(), FeatureLevel: status.GetSupportedLevel(),
			})
			if err != nil {
				return err
			}
			return printChange(out, self.GetId(), "joined")
		})
	}
	return cmd
}

// statusOf asks one server how it is.
func statusOf(ctx context.Context, flags *clientFlags, addr string) (_ *rowlockv1.GetStatusResponse, err error) {
	one := *flags
	one.addrs = []string{addr}
	config, err := one.config()
	if err != nil {
		return nil, err
	}
	if err := one.knock(ctx); err != nil {
		return nil, err
	}
	c, err := client.New(config)
	if err != nil {
		return nil, err
	}
	status, err := rowlockv1.NewClusterServiceClient(c.Conn()).GetStatus(ctx, &rowlockv1.GetStatusRequest{})
	if closing := c.Close(); err == nil {
		err = closing
	}
	return status, err
}
