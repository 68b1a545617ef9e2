package rpc

import (
	"context"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// featureLevel is the level of features that this version supports.
const featureLevel = 1

// clusterService implements rowlock.v1.ClusterService.
type clusterService struct {
	pb.UnimplementedClusterServiceServer
	node    Node
	version string
}

// GetStatus tells how this member sees the group. It answers without a leader too.
func (s *clusterService) GetStatus(context.Context, *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	st := s.node.Status()
	out := &pb.GetStatusResponse{
		ClusterId: st.ClusterID, NodeId: st.NodeID, Role: st.State, LeaderAddress: st.LeaderAddress,
		Term: st.Term, CommitIndex: st.CommitIndex, AppliedIndex: st.AppliedIndex, CheckpointIndex: st.DurableIndex,
		Version: s.version, FeatureLevel: featureLevel, LogBytes: st.LogBytes, StateBytes: st.StateBytes, Degraded: st.Degraded,
		StateTime: timestamp(st.StateTime),
	}
	for _, m := range st.Members {
		role := "standby"
		if m.Voter {
			role = "voter"
		}
		if m.Leader {
			out.LeaderId = m.NodeID
		}
		out.Members = append(out.Members, &pb.Member{Id: m.NodeID, Address: m.Address, Role: role, Leader: m.Leader})
	}
	s.node.Machine(func(m *task.Machine) { out.LiveTasks = m.LiveTasks() })
	return out, nil
}
