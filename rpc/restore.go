package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// Restorer is what the API needs of the member to restore a backup; see raftfsm.Node.
type Restorer interface {
	ReceiveImage(sum [sha256.Size]byte, size uint64, from io.Reader) (path string, err error)
	Restore(ctx context.Context, r raftfsm.OnlineRestore) (raftfsm.RestoreSummary, error)
	TakeImage(ctx context.Context, a raftfsm.ImageAnnouncement, from io.Reader) error
}

// restoreService implements rowlock.v1.RestoreService.
type restoreService struct {
	pb.UnimplementedRestoreServiceServer
	node Node
}

// RestoreCluster puts the state of a backup in the place of the group's.
func (s *restoreService) RestoreCluster(stream grpc.ClientStreamingServer[pb.RestoreClusterRequest, pb.RestoreClusterResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h := first.GetHeader()
	sum, hash, err := s.check(h)
	if err != nil {
		return err
	}
	path, err := s.node.ReceiveImage(sum, h.GetSize(), &parts{next: func() ([]byte, error) {
		m, err := stream.Recv()
		if err == nil && m.GetHeader() != nil {
			err = invalid("header is only in the first message")
		}
		return m.GetData(), err
	}})
	if err != nil {
		return err
	}
	done, err := s.node.Restore(stream.Context(), raftfsm.OnlineRestore{Path: path, Hash: hash, Why: h.GetWhy(), DryRun: h.GetDryRun()})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&pb.RestoreClusterResponse{
		ClusterId: done.ClusterID, Timeline: hex16(done.Timeline.ID), Index: done.Was.Index, StateTime: timestamp(done.StateTime),
		StateHash: hex16(done.Hash), LiveTasks: done.LiveTasks, Queues: uint32(done.Queues), FeatureLevel: done.Level,
	})
}

// check checks a header.
func (s *restoreService) check(h *pb.RestoreHeader) (sum [sha256.Size]byte, hash *uint64, err error) {
	const maxWhy = 1 << 10
	own := s.node.Status().ClusterID
	switch {
	case h == nil:
		return sum, nil, invalid("header is required in the first message")
	case h.GetSize() == 0:
		return sum, nil, invalid("header.size is required: the size of the state file in bytes")
	case len(h.GetSha256()) != sha256.Size:
		return sum, nil, invalid("header.sha256 has %d bytes, want %d", len(h.GetSha256()), sha256.Size)
	case len(h.GetWhy()) > maxWhy:
		return sum, nil, invalid("header.why has %d bytes, at most %d", len(h.GetWhy()), maxWhy)
	case h.GetClusterId() != "" && h.GetClusterId() != own:
		return sum, nil, invalid("header.cluster_id is %s, and this is cluster %s", h.GetClusterId(), own)
	}
	if text := h.GetStateHash(); text != "" {
		v, err := strconv.ParseUint(text, 16, 64)
		if err != nil || len(text) != 16 {
			return sum, nil, invalid("header.state_hash %q: want 16 hexadecimal digits", text)
		}
		hash = &v
	}
	copy(sum[:], h.GetSha256())
	return sum, hash, nil
}

// parts reads a file that comes in messages.
type parts struct {
	next func() ([]byte, error)
	rest []byte
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		data, err := p.next()
		if err != nil {
			return 0, err
		}
		p.rest = data
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func viewTimeline(t task.Timeline) *pb.Timeline {
	v := &pb.Timeline{Id: hex16(t.ID)}
	if t.ID != 0 {
		v.Parent, v.Index, v.Time = hex16(t.Parent), t.Index, timestamp(t.Time)
	}
	return v
}

// ResumeCluster ends a suspension.
func (s *clusterService) ResumeCluster(ctx context.Context, _ *pb.ResumeClusterRequest) (*pb.ResumeClusterResponse, error) {
	r, err := propose(ctx, s.node, &task.ResumeCluster{}, true)
	if err != nil {
		return nil, err
	}
	return &pb.ResumeClusterResponse{Resumed: r.Items[0].Other == 1}, nil
}

// imagePart is how many bytes of a state file travel in one message.
const imagePart = 256 << 10

// SendImage has a member keep a prepared state file.
func (p *peers) SendImage(ctx context.Context, address string, a raftfsm.ImageAnnouncement, image io.Reader) error {
	c, err := p.conn(address)
	if err != nil {
		return err
	}
	stream, err := pb.NewPeerServiceClient(c).SendImage(ctx)
	if err != nil {
		return plainly(err)
	}
	m := &pb.SendImageRequest{Term: a.Term, After: a.After, Sha256: a.SHA256[:], Size: a.Size}
	buf := make([]byte, imagePart)
	for {
		n, err := io.ReadFull(image, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		m.Data = buf[:n]
		if n == 0 || stream.Send(m) != nil { // what is wrong comes with the answer
			break
		}
		m = &pb.SendImageRequest{}
	}
	_, err = stream.CloseAndRecv()
	if s := status.Convert(err); err != nil && reasonOf(s) != "" {
		return errors.New(s.Message()) // what the member itself says
	}
	if err != nil {
		return plainly(err)
	}
	return nil
}

// SendImage keeps a state file that all members are about to restore.
func (s *peerService) SendImage(stream grpc.ClientStreamingServer[pb.SendImageRequest, pb.SendImageResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if len(first.GetSha256()) != sha256.Size {
		return invalid("sha256 has %d bytes, want %d", len(first.GetSha256()), sha256.Size)
	}
	from := &parts{rest: first.GetData(), next: func() ([]byte, error) {
		m, err := stream.Recv()
		return m.GetData(), err
	}}
	a := raftfsm.ImageAnnouncement{
		Term: first.GetTerm(), After: first.GetAfter(), SHA256: [sha256.Size]byte(first.GetSha256()), Size: first.GetSize(),
	}
	if err := s.node.TakeImage(stream.Context(), a, from); err != nil {
		return err
	}
	return stream.SendAndClose(&pb.SendImageResponse{})
}
