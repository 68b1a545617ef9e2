package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
)

// offlineMembers reads who the members of the new cluster are.
func (f *restoreFlags) offlineMembers() ([]raftfsm.OfflineMember, error) {
	if f.dataDir != "" {
		if f.nodeID == "" {
			host, err := os.Hostname()
			if err != nil {
				return nil, usagef("say with --node-id what the member is called")
			}
			f.nodeID = host
		}
		if err := checkListen(f.raft); err != nil {
			return nil, usagef("--advertise-raft %q: %s", f.raft, err)
		}
		return []raftfsm.OfflineMember{{NodeID: f.nodeID, Address: f.raft, Dir: f.dataDir}}, nil
	}
	var members []raftfsm.OfflineMember
	for _, text := range f.members {
		parts := strings.SplitN(text, "=", 3)
		if len(parts) != 3 || parts[0] == "" || parts[2] == "" {
			return nil, usagef("--member %q: want NODE=RAFT-ADDRESS=DATA-DIR, as in n1=host1:7301=/mnt/n1", text)
		}
		if err := checkListen(parts[1]); err != nil {
			return nil, usagef("--member %q: Raft address %q: %s", text, parts[1], err)
		}
		m := raftfsm.OfflineMember{NodeID: parts[0], Address: parts[1], Dir: parts[2]}
		for _, o := range members {
			if o.NodeID == m.NodeID || o.Address == m.Address || o.Dir == m.Dir {
				return nil, usagef("--member %q: each member needs a name, a Raft address and a data directory of its own", text)
			}
		}
		members = append(members, m)
	}
	return members, nil
}

// restoreOffline makes the data directories of a new cluster.
func (p *program) restoreOffline(_ context.Context, f *restoreFlags, s *restoreSource, logger *slog.Logger, confirm *confirmation) (*restored, error) {
	members, err := f.offlineMembers()
	if err != nil {
		return nil, err
	}
	if f.dryRun {
		return p.restoreDry(s, logger)
	}
	hash, err := s.hash()
	if err != nil {
		return nil, err
	}
	done := &restored{}
	var dirs []string
	for _, m := range members {
		dirs = append(dirs, m.Dir)
	}
	r := raftfsm.OfflineRestore{
		Members: members, Fetch: s.fetch, Hash: hash, Why: f.why, Logger: logger, Now: time.Now,
		Confirm: func(sum raftfsm.RestoreSummary) error {
			done = summary(s, sum.Restored, sum.ClusterID)
			done.DataDirs = dirs
			fmt.Fprintf(p.stderr, "%s\nThe backup is good: %d live tasks in %d queues as of %s (%s ago), entry %d of cluster %s.\n",
				s.name, done.LiveTasks, done.Queues, done.StateTime.Format(time.RFC3339), p.now().Sub(*done.StateTime).Round(time.Second), done.Index, done.OldCluster)
			return confirm.ask(true, "make a new cluster of %s with it, in %s", membersText(members), strings.Join(dirs, ", "))
		},
	}
	_, err = r.Run()
	return done, err
}

func membersText(members []raftfsm.OfflineMember) string {
	var names []string
	for _, m := range members {
		names = append(names, m.NodeID)
	}
	return strings.Join(names, ", ")
}

// summary says what is restored.
func summary(s *restoreSource, r store.Restored, cluster string) *restored {
	at := time.UnixMicro(r.StateTime).UTC()
	return &restored{
		ClusterID: cluster, Timeline: fmt.Sprintf("%016x", r.Timeline.ID), OldCluster: s.manifest.ClusterID, Index: r.Was.Index, StateTime: &at,
		Hash: fmt.Sprintf("%016x", r.Hash), LiveTasks: r.LiveTasks, Queues: r.Queues, FeatureLevel: r.Level,
	}
}

// restoreDry proves the backup and changes nothing.
func (p *program) restoreDry(s *restoreSource, logger *slog.Logger) (*restored, error) {
	path, r, err := s.stage(p.now(), logger)
	if path != "" {
		defer os.Remove(path)
	}
	if err != nil {
		return nil, err
	}
	done := summary(s, r, "")
	done.DryRun, done.Timeline = true, ""
	return done, nil
}
