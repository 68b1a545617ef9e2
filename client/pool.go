package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// A dead peer is noticed after keepaliveTime + keepaliveTimeout while calls are under way.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
	connectTimeout   = 3 * time.Second
	// maxDialWait is the longest pause between two attempts to connect to one address.
	maxDialWait = time.Second
	// Answers of up to 1,000 tasks with payloads are large.
	maxAnswerBytes = 64 << 20
	streamWindow   = 1 << 20
	connWindow     = 4 << 20
	// maxEndpoints bounds the addresses known, those learnt from servers included.
	maxEndpoints = 32
)

// endpoint is one server's address with its connection, which is made when it is first used.
type endpoint struct {
	addr string
	conn *grpc.ClientConn
	sign sign
}

// pool is a grpc.ClientConnInterface over several addresses. All calls go to the current endpoint; one that is
// unavailable loses its place to the next, or to the leader where a server named it.
type pool struct {
	config  Config
	options []grpc.DialOption
	current atomic.Pointer[endpoint]

	mu        sync.Mutex // guards what follows, and changes of current
	endpoints []*endpoint
	closed    bool
}

func newPool(config Config) (*pool, error) {
	transport := config.TransportCredentials
	if transport == nil {
		transport = insecure.NewCredentials()
	}
	p := &pool{config: config}
	p.options = []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: grpcbackoff.Config{
				BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxDialWait,
			},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		grpc.WithDisableServiceConfig(),
	}
	if config.CallCredentials != nil {
		p.options = append(p.options, grpc.WithPerRPCCredentials(config.CallCredentials))
	}
	p.options = append(p.options, config.DialOptions...)
	for _, addr := range config.Addrs {
		if _, err := p.add(addr); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	p.current.Store(p.endpoints[0])
	return p, nil
}

// add makes an endpoint. The caller holds mu, or is the only one to know the pool.
func (p *pool) add(addr string) (*endpoint, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr, p.options...)
	if err != nil {
		return nil, fmt.Errorf("client: address %q: %w", addr, err)
	}
	e := &endpoint{addr: addr, conn: conn}
	p.endpoints = append(p.endpoints, e)
	return e, nil
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, e := range p.endpoints {
		errs = append(errs, e.conn.Close())
	}
	p.endpoints = nil
	return errors.Join(errs...)
}

// Invoke makes a unary call, again and elsewhere while servers are unavailable. It implements grpc.ClientConnInterface.
func (p *pool) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	r := retrier{bound: p.config.RetryFor}
	for {
		e := p.once(ctx, method, args, reply, opts...)
		if e == nil {
			return nil
		}
		if err := r.wait(ctx, e); err != nil {
			return p.final(ctx, err)
		}
	}
}

// connect waits until the current endpoint is connected or can't be. A call that is made then doesn't hang before it
// leaves.
func (p *pool) connect(ctx context.Context) {
	conn := p.current.Load().conn
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready, connectivity.TransientFailure, connectivity.Shutdown:
			return
		case connectivity.Idle:
			conn.Connect()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return
		}
	}
}

// once makes a unary call once, and chooses the endpoint for the next.
func (p *pool) once(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) *Error {
	ep := p.current.Load()
	w := wait(ctx, ep)
	defer w.end()
	e := fromError(ep.conn.Invoke(w.ctx, method, args, reply, opts...))
	if e == nil {
		return nil
	}
	if ctx.Err() == nil && w.ctx.Err() != nil {
		e = &Error{Code: codes.Unavailable, Message: "the server gives no sign of life"}
	}
	p.judge(w.ctx, ep, e)
	return e
}

// final is the error that a caller gets in the end: its own context's, where that was the cause.
func (p *pool) final(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w (last error: %w)", ctx.Err(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	return err
}

// judge decides whether an error speaks against the endpoint. That of a context that is done doesn't, unless it ended
// because the server didn't answer.
func (p *pool) judge(ctx context.Context, ep *endpoint, e *Error) {
	switch {
	case ctx.Err() == nil:
		p.failed(ep, e)
	case errors.Is(context.Cause(ctx), ErrUnavailable):
		p.failed(ep, &Error{Code: codes.Unavailable, Message: "no answer"})
	}
}

// failed takes the current place from an endpoint that isn't available.
func (p *pool) failed(ep *endpoint, e *Error) {
	unavailable := e.Code == codes.Unavailable
	if !unavailable && e.leader == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.current.Load() != ep {
		return
	}
	next := p.after(ep, e.leader)
	if next == ep {
		return
	}
	p.current.Store(next)
	p.config.Logger.Info("server unavailable, going on to the next",
		"addr", ep.addr, "next", next.addr, "error", e.Message)
}

// size is how many addresses are known.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.endpoints)
}

// skip goes on to the next address, although the current one is available.
func (p *pool) skip() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.current.Store(p.after(p.current.Load(), ""))
	}
}

// after returns the endpoint of the address hinted at, or else the next one. The caller holds mu.
func (p *pool) after(ep *endpoint, hint string) *endpoint {
	if hint != "" {
		i := slices.IndexFunc(p.endpoints, func(e *endpoint) bool { return e.addr == hint })
		if i >= 0 {
			return p.endpoints[i]
		}
		if addr, err := completeAddr(hint); err == nil && len(p.endpoints) < maxEndpoints {
			if e, err := p.add(addr); err == nil {
				return e
			}
		}
	}
	i := slices.Index(p.endpoints, ep)
	return p.endpoints[(i+1)%len(p.endpoints)]
}

// NewStream opens a stream at the current endpoint. It implements grpc.ClientConnInterface.
func (p *pool) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ep := p.current.Load()
	w := wait(ctx, ep)
	s, err := ep.conn.NewStream(w.ctx, desc, method, opts...)
	if err != nil {
		e := fromError(err)
		p.judge(w.ctx, ep, e)
		w.end()
		return nil, p.final(ctx, e)
	}
	return &stream{ClientStream: s, pool: p, endpoint: ep, wait: w, caller: ctx}, nil
}

// stream tells the pool when its endpoint turns out to be unavailable. Its user may say so too, by the cause for which
// it cancels the stream's context.
type stream struct {
	grpc.ClientStream
	pool     *pool
	endpoint *endpoint
	wait     *patience
	caller   context.Context //nolint:containedctx // that of the call, which ends by itself only if the caller gives up
}

// RecvMsg receives the next message.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.endpoint.sign.note()
		return nil
	}
	defer s.wait.end()
	if errors.Is(err, io.EOF) {
		return err
	}
	e := fromError(err)
	s.pool.judge(s.wait.ctx, s.endpoint, e) // gRPC has ended the stream's own by now
	if e.Code == codes.Canceled && s.caller.Err() == nil && errors.Is(context.Cause(s.wait.ctx), ErrUnavailable) {
		return &Error{Code: codes.Unavailable, Message: "the server gives no sign of life any more, and what became of the call is unknown"}
	}
	return e
}
