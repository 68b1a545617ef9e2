package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/raftfsm"
)

// recovery is what 'rowlock cluster recover' has done.
type recovery struct {
	ID           string `json:"id"`
	ClusterID    string `json:"cluster_id"`
	OldClusterID string `json:"old_cluster_id"`
	LastIndex    uint64 `json:"last_index"`
	LiveTasks    uint64 `json:"live_tasks"`
}

func (p *program) clusterRecoverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Make one stopped member a group of its own, after the majority was lost for good",
		Long: `Make one stopped member a group of its own, after the majority was lost for good.

Choose the surviving member with the highest last_index, of which this command tells before it asks. Tasks and outcomes
that were acknowledged by the lost members and had not reached this one are lost; tasks may run again whose outcome is
among them. The new group has a new cluster ID, so that no old member can mix with it: remove the data directory of each
other member, then start it with --join; it gets the state from this one.

While a majority can still be started, don't: start it.`,
		Example: "  rowlock cluster recover --data-dir /var/lib/rowlock",
		Args:    args(0, 0),
	}
	var dataDir, address string
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "data directory of the stopped member")
	cmd.Flags().StringVar(&address, "advertise-raft", "", "its new Raft address, host:port (default: the one that it had)")
	settings(cmd.Flags(), "data-dir")
	log, out, confirm := p.logFlags(cmd), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if dataDir == "" {
			return usagef("say with --data-dir which member's data to recover")
		}
		if address != "" {
			if err := checkListen(address); err != nil {
				return usagef("--advertise-raft %q: %s", address, err)
			}
		}
		if err := (&memberFlags{}).begin(dataDir); err != nil {
			return &exitError{code: exitRefused, text: "no state in data directory " + dataDir}
		}
		logger, err := log.logger()
		if err != nil {
			return err
		}
		var done recovery
		err = raftfsm.Recover(dataDir, address, logger, func(r raftfsm.Recovery) error {
			var others []string
			for _, m := range r.Members {
				if m.NodeID != r.NodeID {
					others = append(others, m.NodeID)
				}
			}
			done = recovery{ID: r.NodeID, ClusterID: r.NewClusterID, OldClusterID: r.ClusterID, LastIndex: r.LastIndex, LiveTasks: r.LiveTasks}
			fmt.Fprintf(p.stderr, "%s has the log up to entry %d of term %d. What only others have is lost: %s.\n",
				r.NodeID, r.LastIndex, r.LastTerm, orNobody(others))
			return confirm.ask(true, "make %s the only member of a new group", r.NodeID)
		})
		if err != nil {
			if errors.Is(err, raftfsm.ErrRefused) {
				return &exitError{code: exitRefused, text: err.Error()}
			}
			return serveError(&serveFlags{dataDir: dataDir}, err)
		}
		return out.print(done, func(t *render.Table) {
			t.Pair("recovered", done.ID)
			t.Pair("cluster", done.ClusterID)
			t.Pair("next", "start it as before; remove the other members' data directories before they join")
		})
	}
	return cmd
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "there are no others"
	}
	return strings.Join(names, ", ")
}
