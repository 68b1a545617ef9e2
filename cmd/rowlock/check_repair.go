package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
)

// repairFlags are those of 'rowlock check --repair'.
type repairFlags struct {
	repair  bool
	nodeID  string
	address string
}

func (f *repairFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.repair, "repair", false, "make a sound state of what can be read, for the last copy of it")
	flags.StringVar(&f.nodeID, "node-id", "", "with --repair: the member's node ID, where the directory doesn't tell it any more")
	flags.StringVar(&f.address, "advertise-raft", "", "with --repair: its Raft address, host:port (default: the one that it had)")
}

// repaired is what 'rowlock check --repair' has done.
type repaired struct {
	ID        string `json:"id"`
	ClusterID string `json:"cluster_id"`
	*raftfsm.RepairReport
}

// repair repairs a stopped member's files.
func (p *program) repair(ctx context.Context, dataDir string, f *repairFlags, log *logFlags, out *output, confirm *confirmation) error {
	if err := hasState(dataDir); err != nil {
		return err
	}
	if f.address != "" {
		if err := checkListen(f.address); err != nil {
			return usagef("--advertise-raft %q: %s", f.address, err)
		}
	}
	logger, err := log.logger()
	if err != nil {
		return err
	}
	if err := confirm.ask(true, "repair %s with the loss of what can't be read, and make it a group of its own that no other member can join with its data", dataDir); err != nil {
		return err
	}
	report, r, err := raftfsm.Repair(ctx, dataDir, f.nodeID, f.address, logger)
	switch {
	case errors.Is(err, raftfsm.ErrRefused), errors.Is(err, store.ErrBeyondRepair):
		return &exitError{code: exitRefused, text: err.Error()}
	case err != nil:
		return serveError(&serveFlags{dataDir: dataDir}, err)
	}
	return out.print(repaired{ID: r.NodeID, ClusterID: r.NewClusterID, RepairReport: report}, func(t *render.Table) {
		t.Pair("repaired", r.NodeID)
		t.Pair("cluster", r.NewClusterID)
		t.Pair("live tasks", fmt.Sprint(report.LiveTasks))
		t.Pair("lost or damaged", fmt.Sprintf("%s, %s", render.Count(report.Records, "record"), render.Count(len(report.Tasks), "known task")))
		t.Pair("quarantine", report.Quarantine)
		for i, note := range report.Notes {
			if i == 10 {
				t.Pair("", fmt.Sprintf("and %d more: see report.json there", len(report.Notes)-i))
				break
			}
			t.Pair("note", note)
		}
		t.Pair("next", "start it as before; remove the other members' data directories before they join")
	})
}
