package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
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
func (p *program) restoreOffline(f *restoreFlags, members []raftfsm.OfflineMember, s *stagedState, logger *slog.Logger, confirm *confirmation) (*restored, error) {
	var names, dirs []string
	for _, m := range members {
		names, dirs = append(names, m.NodeID), append(dirs, m.Dir)
	}
	done := &restored{}
	r := raftfsm.OfflineRestore{
		Members: members, Fetch: s.fetch, Hash: &s.hash, Why: f.why, Logger: logger, Now: time.Now,
		Confirm: func(sum raftfsm.RestoreSummary) error {
			done = s.summary(sum.Restored)
			done.ClusterID, done.DataDirs = sum.ClusterID, dirs
			fmt.Fprintln(p.stderr, done.text(s.name, p.now()))
			return confirm.ask(true, "make a new cluster of %s with it, in %s", strings.Join(names, ", "), strings.Join(dirs, ", "))
		},
	}
	_, err := r.Run()
	return done, err
}
