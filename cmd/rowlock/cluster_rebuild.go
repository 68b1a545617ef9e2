package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store"
)

// rebuilt is what 'rowlock cluster rebuild' has done.
type rebuilt struct {
	ID        string `json:"id"`
	ClusterID string `json:"cluster_id"`
	Aside     string `json:"aside"`
}

func (p *program) clusterRebuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Give a stopped member, whose data is damaged, its state from the others",
		Long: `Give a stopped member, whose data is damaged, its state from the others.

It takes the member out of the group, which is refused where the rest would have no majority, sets its files aside in the
data directory, and leaves an empty member of the same name. Start that as before, with --join: it joins and gets the state.
Remove the files that were set aside when it follows ('rowlock cluster members'). Where the command was killed, repeat it: it
goes on.

--addr names other members of the group.`,
		Example: "  rowlock cluster rebuild --data-dir /var/lib/rowlock --addr rowlock-0.rowlock-members",
		Args:    args(0, 0),
	}
	var dataDir, nodeID string
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "data directory of the stopped member")
	cmd.Flags().StringVar(&nodeID, "node-id", "", "its node ID, where the directory doesn't tell it any more")
	connect, out, confirm := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dataDir == "" {
			return usagef("say with --data-dir which member's data is damaged")
		}
		if err := canRebuild(dataDir); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			status, err := c.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
			if err != nil {
				return err
			}
			r, err := raftfsm.Rebuild(dataDir, nodeID, status.GetClusterId(), func(r raftfsm.Rebuilding) error {
				if err := confirm.ask(true, "take %s out of the group and set its data aside", r.NodeID); err != nil {
					return err
				}
				return leaveGroup(ctx, c, r.NodeID)
			})
			if err != nil {
				if errors.Is(err, raftfsm.ErrRefused) || errors.Is(err, raftfsm.ErrOtherNode) {
					return &exitError{code: exitRefused, text: err.Error()}
				}
				return serveError(&serveFlags{dataDir: dataDir}, err)
			}
			return out.print(rebuilt{ID: r.NodeID, ClusterID: r.ClusterID, Aside: r.Aside}, func(t *render.Table) {
				t.Pair("rebuild", r.NodeID)
				t.Pair("old files", r.Aside)
				t.Pair("next", "start it as before, with --join: it gets the state from the others")
			})
		})
	}
	return cmd
}

// canRebuild refuses a data directory in which there is nothing to set aside. A rebuild that died goes on, whatever it has left.
func canRebuild(dataDir string) error {
	begun, err := store.SettingAside(dataDir)
	if err != nil || begun {
		return err
	}
	refused := hasState(dataDir)
	if refused == nil {
		return nil
	}
	aside, _ := filepath.Glob(filepath.Join(dataDir, "aside-*"))
	if id, ok, err := store.LoadIdentity(dataDir); err == nil && ok && len(aside) > 0 {
		return &exitError{code: exitRefused, text: fmt.Sprintf("member %s of %s is rebuilt already: start it as before, with --join", id.NodeID, dataDir)}
	}
	return refused
}

// stopPatience is how long a member that has been stopped may still seem to answer: the leader looks twice a second.
const stopPatience = 3 * time.Second

// leaveGroup takes a member out of its group, if it is in it. The last member can't be rebuilt from others.
func leaveGroup(ctx context.Context, c *connection, id string) error {
	members, err := stoppedAmong(ctx, c, id)
	if err != nil {
		return err
	}
	others, there := 0, false
	for _, m := range members {
		if m.GetMember().GetId() == id {
			there = true
			continue
		}
		if m.GetMember().GetRole() == "voter" && m.GetReachable() {
			others++
		}
	}
	if others == 0 {
		return &exitError{code: exitRefused, text: fmt.Sprintf("no other voter answers that could give %s its state: restore a backup", id)}
	}
	if !there {
		return nil
	}
	_, err = c.cluster.RemoveMember(ctx, &rowlockv1.RemoveMemberRequest{Id: id})
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	return err
}

// stoppedAmong returns the members once the one with the ID, if it is among them, answers no more; one that goes on to is refused.
func stoppedAmong(ctx context.Context, c *connection, id string) ([]*rowlockv1.MemberState, error) {
	for start := time.Now(); ; {
		answer, err := c.cluster.ListMembers(ctx, &rowlockv1.ListMembersRequest{})
		if err != nil {
			return nil, err
		}
		answers := slices.ContainsFunc(answer.GetMembers(), func(m *rowlockv1.MemberState) bool {
			return m.GetMember().GetId() == id && m.GetReachable()
		})
		switch {
		case !answers:
			return answer.GetMembers(), nil
		case time.Since(start) > stopPatience:
			return nil, &exitError{code: exitRefused, text: fmt.Sprintf("member %s answers: this isn't its data directory, or stop it first", id)}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(stopPatience / 10):
		}
	}
}
