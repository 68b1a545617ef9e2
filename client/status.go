package client

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// WorkerInfo is a worker's session.
type WorkerInfo struct {
	SessionID   uint64            `json:"session_id"`
	WorkerID    string            `json:"worker_id"`
	Queues      map[string]int    `json:"queues"` // with their weights
	Kinds       []string          `json:"kinds,omitempty"`
	Pool        string            `json:"pool,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Running     int               `json:"running"`
	OpenedAt    time.Time         `json:"opened_at,omitzero"`
	HeartbeatAt time.Time         `json:"heartbeat_at,omitzero"`
	// SilentSince is set once the worker hasn't been heard of for longer than a third of its time to live.
	SilentSince time.Time `json:"silent_since,omitzero"`
	Draining    bool      `json:"draining,omitempty"` // it takes no more tasks
}

// Workers lists the workers whose sessions are open.
func (c *Client) Workers(ctx context.Context) ([]*WorkerInfo, error) {
	resp, err := c.workers.ListWorkers(ctx, &rowlockv1.ListWorkersRequest{})
	if err != nil {
		return nil, err
	}
	workers := make([]*WorkerInfo, 0, len(resp.GetWorkers()))
	for _, p := range resp.GetWorkers() {
		workers = append(workers, workerInfo(p))
	}
	return workers, nil
}

func workerInfo(p *rowlockv1.Worker) *WorkerInfo {
	w := &WorkerInfo{
		SessionID:   p.GetSessionId(),
		WorkerID:    p.GetInfo().GetWorkerId(),
		Queues:      make(map[string]int, len(p.GetInfo().GetQueues())),
		Kinds:       p.GetInfo().GetKinds(),
		Pool:        p.GetInfo().GetPool(),
		Labels:      p.GetInfo().GetLabels(),
		Running:     int(p.GetRunning()),
		OpenedAt:    at(p.GetOpenedAt()),
		HeartbeatAt: at(p.GetHeartbeatAt()),
		SilentSince: at(p.GetSilentSince()),
		Draining:    p.GetDraining(),
	}
	for _, q := range p.GetInfo().GetQueues() {
		w.Queues[q.GetQueue()] = int(q.GetWeight())
	}
	return w
}

// Status is how one member sees the cluster.
type Status struct {
	ClusterID       string    `json:"cluster_id"`
	NodeID          string    `json:"node_id"`
	Role            string    `json:"role"` // leader, follower, candidate
	LeaderID        string    `json:"leader_id"`
	LeaderAddress   string    `json:"leader_address"`
	Term            uint64    `json:"term"`
	CommitIndex     uint64    `json:"commit_index"`
	AppliedIndex    uint64    `json:"applied_index"`
	CheckpointIndex uint64    `json:"checkpoint_index"`
	Version         string    `json:"version"`
	FeatureLevel    int       `json:"feature_level"`   // the cluster's
	SupportedLevel  int       `json:"supported_level"` // by this member
	StateTime       time.Time `json:"state_time,omitzero"`
	Members         []Member  `json:"members"`
	LiveTasks       uint64    `json:"live_tasks"`
	StateBytes      uint64    `json:"state_bytes"`
	LogBytes        uint64    `json:"log_bytes"`
	// Degraded is why new tasks are refused, such as a full disk; empty: they aren't.
	Degraded string `json:"degraded,omitempty"`
}

// Member is a member of the cluster.
type Member struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Role    string `json:"role"` // voter, standby
	Leader  bool   `json:"leader"`
}

// Status asks the member that the client talks to.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	p, err := c.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
	if err != nil {
		return nil, err
	}
	s := &Status{
		ClusterID:       p.GetClusterId(),
		NodeID:          p.GetNodeId(),
		Role:            p.GetRole(),
		LeaderID:        p.GetLeaderId(),
		LeaderAddress:   p.GetLeaderAddress(),
		Term:            p.GetTerm(),
		CommitIndex:     p.GetCommitIndex(),
		AppliedIndex:    p.GetAppliedIndex(),
		CheckpointIndex: p.GetCheckpointIndex(),
		Version:         p.GetVersion(),
		FeatureLevel:    int(p.GetFeatureLevel()),
		SupportedLevel:  int(p.GetSupportedLevel()),
		StateTime:       at(p.GetStateTime()),
		Members:         []Member{},
		LiveTasks:       p.GetLiveTasks(),
		StateBytes:      p.GetStateBytes(),
		LogBytes:        p.GetLogBytes(),
		Degraded:        p.GetDegraded(),
	}
	for _, m := range p.GetMembers() {
		s.Members = append(s.Members, Member{ID: m.GetId(), Address: m.GetAddress(), Role: m.GetRole(), Leader: m.GetLeader()})
	}
	return s, nil
}
