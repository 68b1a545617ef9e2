package rpc

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// peers are gRPC connections to the other members, by Raft address. The node dials them, and checks whom it meets.
type peers struct {
	dial func(ctx context.Context, address string) (net.Conn, error)

	mu    sync.Mutex // guards conns
	conns map[string]*grpc.ClientConn
}

var _ raftfsm.Discoverer = (*peers)(nil)

func newPeers(n Node) *peers { return &peers{dial: n.DialPeer, conns: map[string]*grpc.ClientConn{}} }

// conn returns the connection to an address, which is made when it is first used.
func (p *peers) conn(address string) (*grpc.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return nil, errStopping
	}
	if c := p.conns[address]; c != nil {
		return c, nil
	}
	c, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithContextDialer(p.dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(2*window),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16*maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, err
	}
	p.conns[address] = c
	return c, nil
}

// Describe asks a member how it does.
func (p *peers) Describe(ctx context.Context, address string) (raftfsm.Description, error) {
	c, err := p.conn(address)
	if err != nil {
		return raftfsm.Description{}, err
	}
	d, err := pb.NewPeerServiceClient(c).Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return raftfsm.Description{}, plainly(err)
	}
	var sums []raftfsm.Checksum
	for _, c := range d.GetChecksums() {
		sums = append(sums, raftfsm.Checksum{Index: c.GetIndex(), Hash: c.GetHash()})
	}
	return raftfsm.Description{
		NodeID: d.GetSelf().GetId(), ServerID: d.GetSelf().GetServerId(), ClusterID: d.GetClusterId(), Address: d.GetSelf().GetAddress(),
		API: d.GetApiAddress(), Version: d.GetVersion(), FeatureLevel: d.GetFeatureLevel(),
		LastIndex: d.GetLastIndex(), LastTerm: d.GetLastTerm(), AppliedIndex: d.GetAppliedIndex(),
		LastContact: time.Duration(d.GetLastContactSeconds() * float64(time.Second)), Held: d.GetHeld(),
		Checksums: sums,
	}, nil
}

// plainly says in few words why a member didn't answer: gRPC's words end with those of the system.
func plainly(err error) error {
	s := status.Convert(err)
	if s.Code() == codes.DeadlineExceeded {
		return errors.New("it doesn't answer")
	}
	parts := strings.Split(strings.Trim(s.Message(), `"`), ": ")
	return errors.New("it can't be reached: " + strings.Trim(parts[len(parts)-1], `"`))
}

// SetStandby has a member ask to stay a standby, or no longer.
func (p *peers) SetStandby(ctx context.Context, address string, standby bool) error {
	c, err := p.conn(address)
	if err != nil {
		return err
	}
	_, err = pb.NewPeerServiceClient(c).SetStandby(ctx, &pb.SetStandbyRequest{Standby: standby})
	return err
}

// Judge has a member, which leads, compare the members' states now.
func (p *peers) Judge(ctx context.Context, address string) error {
	c, err := p.conn(address)
	if err != nil {
		return err
	}
	if _, err = pb.NewPeerServiceClient(c).Judge(ctx, &pb.JudgeRequest{}); err != nil {
		return plainly(err)
	}
	return nil
}

// ReadIndex asks a member, which leads, which entry has all that was acknowledged.
func (p *peers) ReadIndex(ctx context.Context, address string) (uint64, error) {
	c, err := p.conn(address)
	if err != nil {
		return 0, err
	}
	answer, err := pb.NewPeerServiceClient(c).ReadIndex(ctx, &pb.ReadIndexRequest{})
	if err != nil {
		return 0, plainly(err)
	}
	return answer.GetIndex(), nil
}

func (p *peers) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.conns {
		errs = append(errs, c.Close())
	}
	p.conns = nil
	return errors.Join(errs...)
}
