package rpc

import (
	"context"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

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
		ClusterId: st.ClusterID, NodeId: st.NodeID, Role: st.Role, LeaderId: st.LeaderID, LeaderAddress: st.LeaderAddress,
		Term: st.Term, CommitIndex: st.CommitIndex, AppliedIndex: st.AppliedIndex, CheckpointIndex: st.CheckpointIndex,
		Version: s.version, FeatureLevel: st.FeatureLevel, StateBytes: uint64(st.StateBytes), LogBytes: uint64(st.LogBytes),
		Degraded: st.Degraded,
	}
	for _, m := range st.Members {
		out.Members = append(out.Members, &pb.Member{Id: m.ID, Address: m.Address, Role: m.Role, Leader: m.Leader})
	}
	s.node.Machine(func(m *task.Machine) {
		out.StateTime, out.LiveTasks = timestamp(m.Now()), m.LiveTasks()
	})
	return out, nil
}
