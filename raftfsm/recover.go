package raftfsm

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// Recovery describes what Recover finds and does.
type Recovery struct {
	NodeID, ClusterID, NewClusterID string
	// Members are those of the group as this member knows it; all others will be forgotten.
	Members []Member
	// LastIndex and LastTerm are of the log. What a lost member had beyond is lost.
	LastIndex, LastTerm uint64
	LiveTasks           uint64
}

// Recover makes the stopped member of a data directory the only member of a new group with its state, after a majority of
// the old one was lost for good. confirm is shown what will be done and may refuse.
//
// The new group has a cluster ID of its own: an old member that comes back can't mix with it. Its data directory must be
// removed before it joins. What had been acknowledged by members that are lost, and had not reached this one, is gone;
// entries at the end of this one's log that no majority had are kept. Task IDs and tokens go on beyond all that the lost ones can
// have given out.
func Recover(dataDir, address string, logger *slog.Logger, confirm func(Recovery) error) (err error) {
	options := store.Options{Dir: dataDir, Logger: logger, Now: time.Now}
	s, err := store.Open(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := refuseUnfinished(dataDir); err != nil {
		return err
	}
	id, ok, err := store.LoadIdentity(dataDir)
	if err != nil {
		return err
	}
	machine, p, err := s.Load()
	if err != nil {
		return err
	}
	log, err := store.OpenLog(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	r := Recovery{NodeID: id.NodeID, ClusterID: id.ClusterID, LiveTasks: machine.LiveTasks(), LastIndex: p.Index, LastTerm: p.Term}
	var members raft.Configuration
	if len(p.Configuration) > 0 {
		members = raft.DecodeConfiguration(p.Configuration)
	}
	if err := r.read(log, p, &members); err != nil {
		return err
	}
	if !ok || r.LastIndex == 0 {
		return fmt.Errorf("%w: the data directory holds no state to recover", ErrRefused)
	}
	for _, m := range members.Servers {
		r.Members = append(r.Members, Member{NodeID: nodeOf(m.ID), ServerID: string(m.ID), Address: string(m.Address), Voter: m.Suffrage == raft.Voter})
		if m.ID == serverID(id) && address == "" {
			address = string(m.Address)
		}
	}
	if address == "" {
		return fmt.Errorf("%w: the group doesn't know this member: give its Raft address", ErrRefused)
	}
	if r.NewClusterID, err = NewClusterID(); err != nil {
		return err
	}
	if err := confirm(r); err != nil {
		return err
	}
	// The entries first: a member that dies between the two is recovered once more.
	alone := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: serverID(id), Address: raft.ServerAddress(address)}}}
	if err := log.StoreLogs(r.entries(alone, machine.FeatureLevel())); err != nil {
		return err
	}
	id.ClusterID, id.Standby = r.NewClusterID, false
	return store.SaveIdentity(dataDir, id)
}

// entries are what the new group's log goes on with: who its members are, and that nothing is given out once more that the lost
// entries had given out.
func (r *Recovery) entries(alone raft.Configuration, level uint32) []*raft.Log {
	now := time.Now()
	list := []*raft.Log{{
		Index: r.LastIndex + 1, Term: r.LastTerm, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(alone), AppendedAt: now,
	}}
	c := &task.AdvanceCounters{Spare: spareIDs, Now: now.UnixMicro()}
	if level < task.LevelOf(c) {
		return list
	}
	return append(list, &raft.Log{
		Index: r.LastIndex + 2, Term: r.LastTerm, Type: raft.LogCommand, Data: task.AppendCommand(task.AppendHeader(nil, task.Header{Timeline: task.AnyTimeline}), c), AppendedAt: now,
	})
}

// read takes the log's end, and the group's last configuration, into account.
func (r *Recovery) read(log *store.LogStore, p store.Position, members *raft.Configuration) error {
	first, err := log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := log.LastIndex()
	if err != nil || last <= p.Index {
		return err
	}
	for i := max(first, p.Index+1); i <= last; i++ {
		var entry raft.Log
		if err := log.GetLog(i, &entry); err != nil {
			return err
		}
		if entry.Type == raft.LogConfiguration {
			*members = raft.DecodeConfiguration(entry.Data)
		}
		r.LastIndex, r.LastTerm = entry.Index, entry.Term
	}
	return nil
}
