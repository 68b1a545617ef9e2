package rpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// forwardedHeader marks a call that another member has forwarded: it isn't forwarded again.
	forwardedHeader = "rowlock-forwarded"
	// leaderPatience is how long a call waits for somebody to lead.
	leaderPatience = 3 * time.Second
	leaderPoll     = 20 * time.Millisecond
)

// forwarder sends what only the leader can answer to the leader, with the caller's metadata and deadline, so that any
// member takes any call.
type forwarder struct {
	node    Node
	peers   *peers
	methods map[string]method
	stop    chan struct{} // closed when the server stops

	mu  sync.Mutex // guards led
	led reign
}

// reign is the time in which another member leads, as this one sees it. Calls that it is to answer end with it: a leader
// that hangs would keep them otherwise.
type reign struct {
	address string
	ctx     context.Context //nolint:containedctx // ends with the reign
	end     context.CancelFunc
}

// errReignEnded is why a call ended that had been forwarded to a leader of before.
var errReignEnded = unavailable("unknown_outcome", "another member leads now, and what became of the call is unknown")

// method is what is to be known of one: the types of its messages.
type method struct{ input, output protoreflect.MessageType }

// newForwarder knows all methods of the API, except those that each member answers for itself.
func newForwarder(n Node, p *peers) (*forwarder, error) {
	f := &forwarder{node: n, peers: p, methods: map[string]method{}, stop: make(chan struct{})}
	for _, file := range []protoreflect.FileDescriptor{
		pb.File_rpc_rowlockv1_task_proto, pb.File_rpc_rowlockv1_queue_proto, pb.File_rpc_rowlockv1_worker_proto, pb.File_rpc_rowlockv1_cluster_proto,
		pb.File_rpc_rowlockv1_schedule_proto,
		pb.File_rpc_rowlockv1_operation_proto,
		pb.File_rpc_rowlockv1_watch_proto,
		pb.File_rpc_rowlockv1_workflow_proto,
		pb.File_rpc_rowlockv1_batch_proto,
		pb.File_rpc_rowlockv1_archive_proto,
		pb.File_rpc_rowlockv1_restore_proto,
	} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for k := range service.Methods().Len() {
				m := service.Methods().Get(k)
				input, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
				if err != nil {
					return nil, err
				}
				output, err := protoregistry.GlobalTypes.FindMessageByName(m.Output().FullName())
				if err != nil {
					return nil, err
				}
				f.methods["/"+string(service.FullName())+"/"+string(m.Name())] = method{input, output}
			}
		}
	}
	delete(f.methods, pb.ClusterService_GetStatus_FullMethodName)
	delete(f.methods, pb.WatchService_Watch_FullMethodName)
	for name := range pb.PeerService_ServiceDesc.Streams {
		delete(f.methods, "/"+pb.PeerService_ServiceDesc.ServiceName+"/"+pb.PeerService_ServiceDesc.Streams[name].StreamName)
	}
	for name := range pb.PeerService_ServiceDesc.Methods {
		delete(f.methods, "/"+pb.PeerService_ServiceDesc.ServiceName+"/"+pb.PeerService_ServiceDesc.Methods[name].MethodName)
	}
	return f, nil
}

// unary answers a call here, or has the leader answer it.
func (f *forwarder) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	m, ok := f.methods[info.FullMethod]
	if stale, can := req.(interface{ GetStale() bool }); !ok || f.node.Serving() || forwarded(ctx) || (can && stale.GetStale()) {
		return handler(ctx, req)
	}
	wait, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	for {
		conn, during, err := f.leader(wait)
		if err != nil {
			return nil, f.patience(ctx, err)
		}
		if conn == nil {
			return handler(ctx, req)
		}
		reply := m.output.New().Interface()
		call, done := within(outgoing(ctx), during)
		var to peer.Peer
		err = conn.Invoke(call, info.FullMethod, req, reply, grpc.Peer(&to))
		ended := errors.Is(context.Cause(call), errReignEnded)
		done()
		switch {
		case err == nil:
			return reply, nil
		case to.Addr == nil && status.Code(err) == codes.Unavailable: // it never left
		case ended:
			return nil, errReignEnded
		case reasonOf(status.Convert(err)) != "not_leader":
			return nil, unreachable(err)
		}
		if pause(wait, leaderPoll) != nil {
			return nil, unreachable(err)
		}
	}
}

// stream serves a stream here, or passes its messages on to the leader and back.
func (f *forwarder) stream(srv any, in grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := in.Context()
	m, ok := f.methods[info.FullMethod]
	if !ok || f.node.Serving() || forwarded(ctx) {
		return handler(srv, in)
	}
	wait, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	for {
		conn, during, err := f.leader(wait)
		if err != nil {
			return f.patience(ctx, err)
		}
		if conn == nil {
			return handler(srv, in)
		}
		ctx, cancel := within(outgoing(ctx), during)
		out, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, info.FullMethod)
		if err == nil {
			defer cancel()
			return f.proxy(ctx, cancel, in, out, m)
		}
		cancel()
		if pause(wait, leaderPoll) != nil { // nothing has left yet
			return unreachable(err)
		}
	}
}

// proxy passes messages both ways until the leader's stream ends, or its reign, or this server stops.
func (f *forwarder) proxy(ctx context.Context, cancel context.CancelFunc, in grpc.ServerStream, out grpc.ClientStream, m method) error {
	go func() { // ends with the caller's stream, which ends when this handler returns
		if errors.Is(pass(in, out, m.input), io.EOF) {
			_ = out.CloseSend() // its error is that of the stream, which is received below
			return
		}
		cancel()
	}()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-f.stop:
			cancel()
		case <-stop:
		}
	}()
	err := pass(out, in, m.output)
	select {
	case <-f.stop:
		return errStopping
	default:
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.Is(context.Cause(ctx), errReignEnded):
		return errReignEnded
	}
	return unreachable(err)
}

// messages is one end of a stream.
type messages interface {
	SendMsg(m any) error
	RecvMsg(m any) error
}

// pass passes messages on until one side fails; io.EOF: from has said all.
func pass(from, to messages, kind protoreflect.MessageType) error {
	for {
		m := kind.New().Interface()
		if err := from.RecvMsg(m); err != nil {
			return err
		}
		if err := to.SendMsg(m); err != nil {
			return err
		}
	}
}

// leader returns the connection to the leader and a context that ends with its reign; or nil if this member leads. It
// waits for somebody to lead.
func (f *forwarder) leader(ctx context.Context) (*grpc.ClientConn, context.Context, error) {
	for {
		if f.node.Serving() {
			return nil, nil, nil
		}
		if address, during := f.look(); address != "" {
			conn, err := f.peers.conn(address)
			return conn, during, err
		}
		if err := pause(ctx, leaderPoll); err != nil {
			return nil, nil, err
		}
	}
}

// look sees who leads, and ends the reign of whoever doesn't any more.
func (f *forwarder) look() (string, context.Context) {
	address := f.node.OtherLeader()
	f.mu.Lock()
	defer f.mu.Unlock()
	if address != f.led.address {
		if f.led.end != nil {
			f.led.end()
		}
		f.led = reign{address: address}
		f.led.ctx, f.led.end = context.WithCancel(context.Background())
	}
	return address, f.led.ctx
}

// run looks who leads until ctx is done.
func (f *forwarder) run(ctx context.Context) {
	tick := time.NewTicker(leaderPoll)
	defer tick.Stop()
	for {
		f.look()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// within is ctx as long as the reign lasts.
func within(ctx, during context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(during, func() { cancel(errReignEnded) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// patience is the error of a call that waited in vain.
func (f *forwarder) patience(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return &raftfsm.NotLeaderError{}
	}
	return err
}

// unreachable tells a caller that it was the leader who couldn't be reached. What the leader itself said stays as it is.
func unreachable(err error) error {
	s := status.Convert(err)
	if s.Code() == codes.Unavailable && reasonOf(s) == "" {
		return unavailable("unknown_outcome", "the leader can't be reached, and what became of the call is unknown: %s", s.Message())
	}
	return err
}

func forwarded(ctx context.Context) bool {
	return len(metadata.ValueFromIncomingContext(ctx, forwardedHeader)) > 0
}

// outgoing passes the caller's metadata on.
func outgoing(ctx context.Context) context.Context {
	in, _ := metadata.FromIncomingContext(ctx)
	out := in.Copy()
	if out == nil {
		out = metadata.MD{}
	}
	for _, name := range []string{":authority", "content-type", "user-agent", "grpc-accept-encoding"} {
		out.Delete(name)
	}
	out.Set(forwardedHeader, "1")
	return metadata.NewOutgoingContext(ctx, out)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
