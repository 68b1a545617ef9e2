package raftfsm

import (
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// Status is what a member knows of itself and its group.
type Status struct {
	NodeID        string
	ServerID      string // node ID and incarnation
	ClusterID     string
	Address       string // Raft, as other members dial it
	State         string // follower, candidate, leader or shutdown
	Serving       bool   // leads, and takes what only a leader takes
	LeaderID      string // server ID; empty: nobody is known to lead
	LeaderAddress string // Raft
	Term          uint64
	LastIndex     uint64 // of the log
	CommitIndex   uint64
	AppliedIndex  uint64
	DurableIndex  uint64 // of the state file
	LogBytes      uint64
	StateBytes    uint64 // of the state file, free pages included
	Members       []Member
	StateTime     task.Time
	// FeatureLevel is the group's, as far as this member knows; SupportedLevel the highest that this member supports.
	FeatureLevel, SupportedLevel uint32
	// LastContact is when this member last heard of the leader; zero on the leader.
	LastContact time.Time
	// Degraded says what is wrong though the member goes on; empty: nothing.
	Degraded string
}

// Member is one member of the group.
type Member struct {
	NodeID   string
	ServerID string
	Address  string
	Voter    bool
	Leader   bool
}

// Status returns a snapshot of what this member knows. It doesn't block.
func (n *Node) Status() Status {
	address, leader := n.raft.LeaderWithID()
	s := Status{
		NodeID: n.identity.NodeID, ServerID: string(serverID(n.identity)), ClusterID: n.identity.ClusterID,
		Address: n.network.Addr().String(), State: strings.ToLower(n.raft.State().String()), Serving: n.leadership.serving(),
		LeaderID: string(leader), LeaderAddress: string(address),
		Term: n.raft.CurrentTerm(), LastIndex: n.raft.LastIndex(), CommitIndex: n.raft.CommitIndex(),
		AppliedIndex: n.replica.applied.index.Load(), DurableIndex: n.store.Position().Index, LogBytes: n.log.Bytes(),
		StateBytes:     n.store.Bytes(),
		SupportedLevel: n.config.SupportedLevel,
		Degraded:       n.degraded(),
	}
	if n.raft.State() != raft.Leader {
		s.LastContact = n.raft.LastContact()
	}
	for _, m := range n.servers() {
		s.Members = append(s.Members, Member{
			NodeID: nodeOf(m.ID), ServerID: string(m.ID), Address: string(m.Address), Voter: m.Suffrage == raft.Voter, Leader: m.ID == leader,
		})
	}
	n.replica.read(func(m *task.Machine) { s.StateTime, s.FeatureLevel = m.Now(), m.FeatureLevel() })
	return s
}

// servers are the members of the group, as raft has them.
func (n *Node) servers() []raft.Server { return n.raft.GetConfiguration().Configuration().Servers }

// votersOf returns those of the servers that vote.
func votersOf(servers []raft.Server) []raft.Server {
	var voters []raft.Server
	for _, s := range servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, s)
		}
	}
	return voters
}

// clockAlarm is how far the leader's clock may be from the wall clock before it is called wrong.
const clockAlarm = time.Minute

func (n *Node) degraded() string {
	var problems []string
	if p := n.checkpoints.degraded(); p != "" {
		problems = append(problems, p)
	}
	if n.log.full.Load() {
		problems = append(problems, "the raft log can't be written: the disk is full")
	}
	if n.leadership.serving() {
		if offset := n.leadership.clock.offset(); offset.Abs() > clockAlarm {
			problems = append(problems, "the state's time is "+offset.Round(time.Second).String()+" ahead of the wall clock")
		}
	}
	return strings.Join(problems, "; ")
}
