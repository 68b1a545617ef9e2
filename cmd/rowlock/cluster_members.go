package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) clusterMembersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members and how the leader finds them",
		Long: `List the members and how the leader finds them.

Voters take part in elections and in each write's majority. Standbys follow along, and become voters by themselves while
there are fewer than --max-voters, unless they are held: demoted by hand.`,
		Example: "  rowlock cluster members",
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.cluster.ListMembers(ctx, &rowlockv1.ListMembersRequest{})
			if err != nil {
				return err
			}
			members := render.NewMembers(answer.GetMembers())
			slices.SortStableFunc(members, func(a, b render.MemberState) int { return cmp.Compare(a.ID, b.ID) })
			return out.print(members, func(t *render.Table) { render.Members(t, members) })
		})
	}
	return cmd
}
