package rpc

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// clusterService implements rowlock.v1.ClusterService.
type clusterService struct {
	pb.UnimplementedClusterServiceServer
	node    Node
	version string
	api     string // where clients reach this member
	http    string // where its metrics are
	now     func() time.Time
}

// GetStatus tells how this member sees the group. It answers without a leader too.
func (s *clusterService) GetStatus(context.Context, *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	st := s.node.Status()
	out := &pb.GetStatusResponse{
		ClusterId: st.ClusterID, NodeId: st.NodeID, Role: st.State, LeaderAddress: st.LeaderAddress,
		Term: st.Term, CommitIndex: st.CommitIndex, AppliedIndex: st.AppliedIndex, CheckpointIndex: st.DurableIndex,
		Version: s.version, FeatureLevel: st.FeatureLevel, SupportedLevel: st.SupportedLevel, LogBytes: st.LogBytes, StateBytes: st.StateBytes, Degraded: st.Degraded,
		HttpAddress: s.http, WallTime: timestamppb.New(s.now()),
		StateTime: timestamp(st.StateTime), Founded: st.LastIndex > 0,
		Self: &pb.Member{Id: st.NodeID, ServerId: st.ServerID, Address: st.Address},
	}
	for _, m := range st.Members {
		if m.Leader {
			out.LeaderId = m.NodeID
		}
		member := viewMember(m)
		out.Members = append(out.Members, member)
		if m.ServerID == st.ServerID {
			out.Self = member
		}
	}
	s.node.Machine(func(m *task.Machine) {
		out.LiveTasks, out.Timeline = m.LiveTasks(), viewTimeline(m.Timeline())
		if why, suspended := m.Suspended(); suspended {
			out.SuspendedSince, out.SuspendedWhy = timestamp(why.Since), why.Why
		}
	})
	out.Archive = archiveStatus(s.node)
	return out, nil
}

func viewMember(m raftfsm.Member) *pb.Member {
	role := "standby"
	if m.Voter {
		role = "voter"
	}
	return &pb.Member{Id: m.NodeID, Address: m.Address, Role: role, Leader: m.Leader, ServerId: m.ServerID}
}

// ListMembers tells how all members do, by their names.
func (s *clusterService) ListMembers(context.Context, *pb.ListMembersRequest) (*pb.ListMembersResponse, error) {
	list, err := s.node.Members()
	if err != nil {
		return nil, err
	}
	out := &pb.ListMembersResponse{}
	own := s.node.Describe().ServerID
	for i := range list {
		m := &list[i]
		if m.Member.ServerID == own {
			m.API, m.Version = s.api, s.version
		}
		out.Members = append(out.Members, &pb.MemberState{
			Member:    viewMember(m.Member),
			Reachable: m.Problem == "", Problem: m.Problem, Healthy: m.Healthy, ApiAddress: m.API, Version: m.Version,
			FeatureLevel: m.FeatureLevel, LastIndex: m.LastIndex, AppliedIndex: m.AppliedIndex,
			LastContactSeconds: m.LastContact.Round(time.Millisecond).Seconds(), Held: m.Held,
		})
	}
	slices.SortStableFunc(out.Members, func(a, b *pb.MemberState) int {
		return strings.Compare(a.GetMember().GetId(), b.GetMember().GetId())
	})
	return out, nil
}

// JoinCluster takes a server into the group.
func (s *clusterService) JoinCluster(ctx context.Context, req *pb.JoinClusterRequest) (*pb.JoinClusterResponse, error) {
	m := req.GetMember()
	switch own := s.node.Status().ClusterID; {
	case m.GetServerId() == "" || m.GetAddress() == "":
		return nil, invalid("member.server_id and member.address are required")
	case req.GetClusterId() != own:
		return nil, &fault{codes.FailedPrecondition, "other_cluster", "this is cluster " + own + ", not " + req.GetClusterId()}
	}
	if err := s.node.Join(ctx, m.GetServerId(), m.GetAddress(), req.GetFeatureLevel()); err != nil {
		return nil, err
	}
	return &pb.JoinClusterResponse{Member: m}, nil
}

// RemoveMember takes a member out of the group.
func (s *clusterService) RemoveMember(ctx context.Context, req *pb.RemoveMemberRequest) (*pb.RemoveMemberResponse, error) {
	return &pb.RemoveMemberResponse{}, s.change(req, func() error { return s.node.Remove(ctx, req.GetId()) })
}

// PromoteMember makes a standby a voter.
func (s *clusterService) PromoteMember(ctx context.Context, req *pb.PromoteMemberRequest) (*pb.PromoteMemberResponse, error) {
	return &pb.PromoteMemberResponse{}, s.change(req, func() error { return s.node.Promote(ctx, req.GetId()) })
}

// DemoteMember makes a voter a standby.
func (s *clusterService) DemoteMember(ctx context.Context, req *pb.DemoteMemberRequest) (*pb.DemoteMemberResponse, error) {
	return &pb.DemoteMemberResponse{}, s.change(req, func() error { return s.node.Demote(ctx, req.GetId()) })
}

// TransferLeadership makes another voter the leader.
func (s *clusterService) TransferLeadership(ctx context.Context, req *pb.TransferLeadershipRequest) (*pb.TransferLeadershipResponse, error) {
	if err := s.node.Transfer(ctx, req.GetId()); err != nil {
		return nil, err
	}
	return &pb.TransferLeadershipResponse{LeaderId: nodeOf(s.newLeader(ctx))}, nil
}

// newLeader waits a while until this member has heard of the one that leads now; empty: it hasn't.
func (s *clusterService) newLeader(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	look := time.NewTicker(leaderPoll)
	defer look.Stop()
	for {
		if st := s.node.Status(); st.LeaderID != "" {
			return st.LeaderID
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ""
		}
	}
}

// change makes a change that names a member.
func (s *clusterService) change(req interface{ GetId() string }, fn func() error) error {
	if req.GetId() == "" {
		return invalid("id is required: the node ID of a member")
	}
	return fn()
}
