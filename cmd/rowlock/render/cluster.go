package render

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Cluster is the state of the group, as one member sees it.
type Cluster struct {
	ClusterID       string     `json:"cluster_id"`
	NodeID          string     `json:"node_id"`
	Role            string     `json:"role"`
	LeaderID        string     `json:"leader_id"`
	LeaderAddress   string     `json:"leader_address"`
	Term            uint64     `json:"term"`
	CommitIndex     uint64     `json:"commit_index"`
	AppliedIndex    uint64     `json:"applied_index"`
	CheckpointIndex uint64     `json:"checkpoint_index"`
	Version         string     `json:"version"`
	FeatureLevel    uint32     `json:"feature_level"`
	SupportedLevel  uint32     `json:"supported_level"`
	StateTime       *time.Time `json:"state_time"`
	LiveTasks       uint64     `json:"live_tasks"`
	StateBytes      uint64     `json:"state_bytes"`
	LogBytes        uint64     `json:"log_bytes"`
	Degraded        string     `json:"degraded,omitempty"`
	SuspendedSince  *time.Time `json:"suspended_since,omitempty"`
	SuspendedWhy    string     `json:"suspended_why,omitempty"`
	Timeline        Timeline   `json:"timeline"`
	Members         []Member   `json:"members"`
	Archive         *Archive   `json:"archive,omitempty"`
}

// Archive is how the continuous archive of the log does.
type Archive struct {
	Destination string     `json:"destination"`
	Active      bool       `json:"active"` // by the member that answers
	Index       uint64     `json:"index"`
	Time        *time.Time `json:"time"`
	LagSeconds  float64    `json:"lag_seconds"`
	LastSuccess *time.Time `json:"last_success"`
	Problem     string     `json:"problem,omitempty"`
}

func newArchive(a *rowlockv1.ArchiveStatus) *Archive {
	if a == nil {
		return nil
	}
	return &Archive{
		Destination: a.GetDestination(), Active: a.GetActive(), Index: a.GetIndex(), Time: stamp(a.GetTime()), LagSeconds: a.GetLagSeconds(),
		LastSuccess: stamp(a.GetLastSuccess()), Problem: a.GetProblem(),
	}
}

// line says it to people. What the leader alone knows, others leave out.
func (a *Archive) line(now time.Time) string {
	if a == nil {
		return ""
	}
	text := "to " + a.Destination + ": "
	switch {
	case a.Index == 0:
		text += "nothing yet"
	case a.Time != nil:
		text += fmt.Sprintf("up to entry %d, %s", a.Index, Clock(a.Time, now))
	default:
		text += fmt.Sprintf("up to entry %d", a.Index)
	}
	if a.Active {
		text += fmt.Sprintf("; lag %.1f s", a.LagSeconds)
	}
	if a.Problem != "" {
		text += "; failing: " + a.Problem
	}
	return text
}

// Timeline is a stretch of the cluster's life, from its beginning or a restore on.
type Timeline struct {
	ID     string     `json:"id"`
	Parent string     `json:"parent,omitempty"`
	Index  uint64     `json:"index,omitempty"`
	Time   *time.Time `json:"time,omitempty"`
}

func newTimeline(t *rowlockv1.Timeline) Timeline {
	return Timeline{ID: t.GetId(), Parent: t.GetParent(), Index: t.GetIndex(), Time: stamp(t.GetTime())}
}

func (l Timeline) text(now time.Time) string {
	if l.Parent == "" {
		return l.ID
	}
	return fmt.Sprintf("%s, restored from %s at entry %d, %s", l.ID, l.Parent, l.Index, Clock(l.Time, now))
}

// suspension tells of a suspension, and how it ends; empty: there is none.
func (c Cluster) suspension(now time.Time) string {
	if c.SuspendedSince == nil {
		return ""
	}
	text := "since " + Clock(c.SuspendedSince, now)
	if c.SuspendedWhy != "" {
		text += " (" + c.SuspendedWhy + ")"
	}
	return text + ": 'rowlock cluster resume' lets it go on"
}

// Member is a member of the group.
type Member struct {
	ID       string `json:"id"`
	ServerID string `json:"server_id"`
	Address  string `json:"address"`
	Role     string `json:"role"`
	Leader   bool   `json:"leader"`
}

func newMember(m *rowlockv1.Member) Member {
	return Member{ID: m.GetId(), ServerID: m.GetServerId(), Address: m.GetAddress(), Role: m.GetRole(), Leader: m.GetLeader()}
}

// NewCluster renders the API's answer.
func NewCluster(s *rowlockv1.GetStatusResponse) Cluster {
	c := Cluster{
		ClusterID: s.GetClusterId(), NodeID: s.GetNodeId(), Role: s.GetRole(), LeaderID: s.GetLeaderId(), LeaderAddress: s.GetLeaderAddress(),
		Term: s.GetTerm(), CommitIndex: s.GetCommitIndex(), AppliedIndex: s.GetAppliedIndex(), CheckpointIndex: s.GetCheckpointIndex(),
		Version: s.GetVersion(), FeatureLevel: s.GetFeatureLevel(), SupportedLevel: s.GetSupportedLevel(), StateTime: stamp(s.GetStateTime()), LiveTasks: s.GetLiveTasks(),
		StateBytes: s.GetStateBytes(), LogBytes: s.GetLogBytes(), Degraded: s.GetDegraded(), Members: []Member{},
		SuspendedSince: stamp(s.GetSuspendedSince()), SuspendedWhy: s.GetSuspendedWhy(), Timeline: newTimeline(s.GetTimeline()),
	}
	for _, m := range s.GetMembers() {
		c.Members = append(c.Members, newMember(m))
	}
	c.Archive = newArchive(s.GetArchive())
	return c
}

// Table shows the group to people.
func (c Cluster) Table(t *Table, now time.Time) {
	t.Pair("cluster", c.ClusterID)
	t.Pair("answered by", fmt.Sprintf("%s (%s), version %s", c.NodeID, c.Role, orDash(c.Version)))
	t.Pair("leader", fmt.Sprintf("%s at %s, term %d", orDash(c.LeaderID), orDash(c.LeaderAddress), c.Term))
	t.Pair("log", fmt.Sprintf("committed %d, applied %d, in the state file %d; %s", c.CommitIndex, c.AppliedIndex, c.CheckpointIndex, Size(c.LogBytes)))
	t.Pair("state", fmt.Sprintf("%s live, %s", Count(c.LiveTasks, "task"), Size(c.StateBytes)))
	t.Pair("feature level", fmt.Sprintf("%d; this member supports %d", c.FeatureLevel, c.SupportedLevel))
	t.Pair("state time", Clock(c.StateTime, now))
	t.Pair("timeline", c.Timeline.text(now))
	t.Pair("suspended", c.suspension(now))
	t.Pair("degraded", c.Degraded)
	t.Pair("archive", c.Archive.line(now))
	for _, m := range c.Members {
		role := m.Role
		if m.Leader {
			role += ", leader"
		}
		t.Pair("member", fmt.Sprintf("%s at %s (%s)", m.ID, orDash(m.Address), role))
	}
}
