package raftfsm

import (
	"context"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

const (
	// stableFor is how long a standby must have been well before it becomes a voter.
	stableFor = 2 * time.Second
	// maxTrailing is how many entries it may lag meanwhile.
	maxTrailing = 1024
	// pilotEvery is how often autopilot looks.
	pilotEvery = 500 * time.Millisecond
)

// pilot promotes standbys while this member leads, by raft-autopilot. It removes nobody: a member that is down is
// expected back, and one that isn't is removed by an operator.
//
// Invariant: who is known comes from the group's configuration, never from DNS, which may forget a member for a while.
type pilot struct {
	node *Node
}

var _ autopilot.ApplicationIntegration = pilot{}

// run runs autopilot until ctx is done.
func (p pilot) run(ctx context.Context) {
	a := autopilot.New(p.raft(), p,
		autopilot.WithPromoter(&promoter{max: p.node.config.MaxVoters, held: p.held}),
		autopilot.WithUpdateInterval(pilotEvery), autopilot.WithReconcileInterval(pilotEvery),
		autopilot.WithLogger(newRaftLogger(p.node.config.Logger)))
	a.Start(ctx)
	<-ctx.Done()
	<-a.Stop()
}

// raft is that of the node, for what autopilot changes.
func (p pilot) raft() autopilot.Raft { return promotions{p.node.raft} }

// AutopilotConfig is how healthy a server must be.
func (p pilot) AutopilotConfig() *autopilot.Config {
	return &autopilot.Config{
		LastContactThreshold: 2 * p.node.config.Raft.HeartbeatTimeout, MaxTrailingLogs: maxTrailing, MinQuorum: 3,
		ServerStabilizationTime: stableFor,
	}
}

// NotifyState is autopilot's view, of which nothing is kept.
func (p pilot) NotifyState(*autopilot.State) {}

// FetchServerStats returns what the members last said.
func (p pilot) FetchServerStats(_ context.Context, servers map[raft.ServerID]*autopilot.Server) map[raft.ServerID]*autopilot.ServerStats {
	out := map[raft.ServerID]*autopilot.ServerStats{}
	self := serverID(p.node.identity)
	for id := range servers {
		d := p.node.lookout.of(id).Description
		if id == self {
			d = p.node.Describe()
		}
		out[id] = &autopilot.ServerStats{LastContact: d.LastContact, LastTerm: d.LastTerm, LastIndex: d.LastIndex}
	}
	return out
}

// KnownServers are those of the configuration.
func (p pilot) KnownServers() map[raft.ServerID]*autopilot.Server {
	out := map[raft.ServerID]*autopilot.Server{}
	self := serverID(p.node.identity)
	for _, s := range p.node.servers() {
		status := autopilot.NodeAlive
		if s.ID != self && p.node.lookout.of(s.ID).err != nil {
			status = autopilot.NodeUnknown
		}
		out[s.ID] = &autopilot.Server{
			ID: s.ID, Name: nodeOf(s.ID), Address: s.Address, NodeStatus: status, RaftVersion: int(raft.ProtocolVersionMax),
			IsLeader: s.ID == self,
		}
	}
	return out
}

// RemoveFailedServer is never asked for, as dead servers aren't cleaned up.
func (p pilot) RemoveFailedServer(*autopilot.Server) {}

func (p pilot) held(id raft.ServerID) bool { return p.node.lookout.of(id).Held }

// promoter chooses which standbys become voters: the first by name among the stable, while there are fewer than max.
type promoter struct {
	autopilot.StablePromoter

	max  int
	held func(raft.ServerID) bool
}

// CalculatePromotionsAndDemotions never demotes.
func (p *promoter) CalculatePromotionsAndDemotions(c *autopilot.Config, s *autopilot.State) autopilot.RaftChanges {
	changes := p.StablePromoter.CalculatePromotionsAndDemotions(c, s)
	voters := 0
	for _, server := range s.Servers {
		if server.HasVotingRights() {
			voters++
		}
	}
	slices.Sort(changes.Promotions)
	changes.Promotions = slices.DeleteFunc(changes.Promotions, p.held)
	changes.Promotions = changes.Promotions[:min(len(changes.Promotions), max(p.max-voters, 0))]
	return changes
}
