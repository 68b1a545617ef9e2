package rpc

import (
	"context"
	"strings"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// peerService implements rowlock.v1.PeerService: what the members ask each other.
type peerService struct {
	pb.UnimplementedPeerServiceServer
	node    Node
	version string
	api     string // where clients reach this member
}

// Describe tells how this member does.
func (s *peerService) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d := s.node.Describe()
	sums := make([]*pb.Checksum, 0, len(d.Checksums))
	for _, c := range d.Checksums {
		sums = append(sums, &pb.Checksum{Index: c.Index, Hash: c.Hash})
	}
	return &pb.DescribeResponse{
		Self: selfOf(d), ClusterId: d.ClusterID, Version: s.version, FeatureLevel: d.FeatureLevel, ApiAddress: s.api,
		LastIndex: d.LastIndex, LastTerm: d.LastTerm, AppliedIndex: d.AppliedIndex, LastContactSeconds: d.LastContact.Seconds(), Held: d.Held,
		Checksums: sums,
	}, nil
}

// Judge compares the members' states now, if this member leads.
func (s *peerService) Judge(context.Context, *pb.JudgeRequest) (*pb.JudgeResponse, error) {
	return &pb.JudgeResponse{}, s.node.Judge()
}

// ReadIndex tells which entry has all that was acknowledged, if this member leads.
func (s *peerService) ReadIndex(ctx context.Context, _ *pb.ReadIndexRequest) (*pb.ReadIndexResponse, error) {
	index, err := s.node.ReadIndex(ctx)
	return &pb.ReadIndexResponse{Index: index}, err
}

func selfOf(d raftfsm.Description) *pb.Member {
	return &pb.Member{Id: d.NodeID, ServerId: d.ServerID, Address: d.Address}
}

// SetStandby has this member ask to stay a standby, or no longer.
func (s *peerService) SetStandby(_ context.Context, req *pb.SetStandbyRequest) (*pb.SetStandbyResponse, error) {
	return &pb.SetStandbyResponse{}, s.node.SetStandby(req.GetStandby())
}

// nodeOf is the node ID in a server ID.
func nodeOf(serverID string) string {
	node, _, _ := strings.Cut(serverID, "~")
	return node
}
