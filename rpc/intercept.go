package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// interceptor stands before every handler, whether the call came over gRPC or HTTP: it counts and times calls, makes
// statuses of errors, and keeps a handler that panics from taking the member with it.
type interceptor struct {
	metrics *callMetrics
	log     *slog.Logger
	now     func() time.Time

	leaderAPI func() string
	forward   *forwarder
	timeline  func() uint64 // of this member's state
}

func (i *interceptor) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	begin := i.now()
	i.metrics.begun(info.FullMethod)
	ctx = beginCall(ctx, i.timeline())
	func() {
		defer i.recover(&err)
		reply, err = i.forward.unary(ctx, req, info, handler)
	}()
	err = i.ended(info.FullMethod, false, begin, err, func(hint metadata.MD) error { return grpc.SetTrailer(ctx, hint) })
	if err != nil {
		return nil, err
	}
	return reply, nil
}

func (i *interceptor) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	begin := i.now()
	i.metrics.begun(info.FullMethod)
	func() {
		defer i.recover(&err)
		err = i.forward.stream(srv, stream, info, handler)
	}()
	return i.ended(info.FullMethod, true, begin, err, func(hint metadata.MD) error {
		stream.SetTrailer(hint)
		return nil
	})
}

// ended makes the call's status.
func (i *interceptor) ended(method string, stream bool, begin time.Time, err error, trailer func(metadata.MD) error) error {
	err = withHint(err, i.leaderAPI)
	s := toStatus(err)
	i.metrics.ended(method, stream, i.now().Sub(begin), s.Code())
	if err == nil {
		return nil
	}
	logFault(i.log, method, err, s)
	if hint := leaderHint(err); hint != nil {
		if err := trailer(hint); err != nil {
			i.log.Debug("the leader's address was not sent", "method", method, "error", err)
		}
	}
	return s.Err()
}

func (i *interceptor) recover(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
		i.log.Error("handler panicked", "panic", r, "stack", string(debug.Stack()))
	}
}
