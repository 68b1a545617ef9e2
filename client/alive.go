package client

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const (
	// suspectAfter is how long a server may say nothing while it is asked something, before it is asked whether it lives.
	suspectAfter = 500 * time.Millisecond
	// aliveTimeout is how long it may take to say so.
	aliveTimeout = time.Second
)

// A server whose process hangs, or whose machine is gone, keeps its connections for a while. So whoever waits for one
// longer than usual asks it for a sign of life, on the same connection, and gives it up when there is none. A server that
// is merely slow answers that at once.

// sign is when an endpoint last gave a sign of life, in nanoseconds.
type sign struct{ at atomic.Int64 }

func (s *sign) note() { s.at.Store(time.Now().UnixNano()) }

func (s *sign) fresh() bool { return time.Now().UnixNano()-s.at.Load() < int64(suspectAfter/2) }

// alive asks the server at the connection for a sign of life. Any answer is one.
func (s *sign) alive(ctx context.Context, conn *grpc.ClientConn) bool {
	if s.fresh() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, aliveTimeout)
	defer cancel()
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Unavailable, codes.Canceled:
		return false
	}
	s.note()
	return true
}

// patience is the waiting for one endpoint: its context ends, because of ErrUnavailable, when the endpoint gives no sign
// of life.
type patience struct {
	ctx      context.Context //nolint:containedctx // that of the call which waits
	cancel   context.CancelCauseFunc
	endpoint *endpoint
	timer    *time.Timer
}

func wait(ctx context.Context, e *endpoint) *patience {
	p := &patience{endpoint: e}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(suspectAfter, p.check)
	return p
}

func (p *patience) check() {
	if p.ctx.Err() != nil {
		return
	}
	if !p.endpoint.sign.alive(p.ctx, p.endpoint.conn) {
		p.cancel(ErrUnavailable)
		return
	}
	p.timer.Reset(suspectAfter)
}

// end stops waiting.
func (p *patience) end() {
	p.timer.Stop()
	p.cancel(nil)
}
