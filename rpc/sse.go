package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// sseJSON writes events on one line each.
var sseJSON = protojson.MarshalOptions{UseProtoNames: true}

// sseRetry is what a browser waits before it comes back.
const sseRetry = time.Second

// serveEvents is GET /v1/events: Watch as server-sent events. The query has the fields of WatchRequest. An event's id is its
// position, so that a browser that comes back says by Last-Event-ID where to go on.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	req := &pb.WatchRequest{}
	if err := (queryParser{}).Parse(req, r.URL.Query(), &utilities.DoubleArray{}); err != nil {
		gatewayError(r.Context(), nil, nil, w, r, status.Error(codes.InvalidArgument, err.Error()))
		return
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		req.After = last
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := pb.NewWatchServiceClient(s.gateway).Watch(ctx, req)
	var first *pb.WatchResponse
	if err == nil {
		first, err = stream.Recv()
	}
	if err != nil {
		gatewayError(r.Context(), nil, nil, w, r, err)
		return
	}
	out := &sseWriter{w: w, control: http.NewResponseController(w)}
	if out.begin() != nil {
		return
	}
	for m := first; ; {
		if out.send(m) != nil { // the browser has gone
			return
		}
		if m, err = stream.Recv(); err != nil {
			out.fail(status.Convert(err))
			return
		}
	}
}

// sseWriter writes to a connection that stays open.
type sseWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *sseWriter) begin() error {
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx, which would keep events back
	if err := o.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return o.write(fmt.Sprintf("retry: %d\n\n", sseRetry.Milliseconds()))
}

// send writes the events, and behind them the position: an id without data is kept by the browser, and shown to nobody.
func (o *sseWriter) send(m *pb.WatchResponse) error {
	text := ""
	for _, e := range m.GetEvents() {
		data, err := sseJSON.Marshal(e)
		if err != nil {
			return err
		}
		text += fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.GetPosition(), e.GetType(), data)
	}
	return o.write(text + fmt.Sprintf("id: %s\n\n", m.GetPosition()))
}

// fail tells why the stream ends.
func (o *sseWriter) fail(s *status.Status) {
	body, err := json.Marshal(jsonError{Code: int(s.Code()), Status: codeName(s.Code()), Message: s.Message(), Reason: reasonOf(s)})
	if err == nil {
		_ = o.write(fmt.Sprintf("event: error\ndata: %s\n\n", body)) // it may have gone
	}
}

func (o *sseWriter) write(text string) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(sendPatience)); err != nil {
		return err
	}
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.control.Flush()
}
