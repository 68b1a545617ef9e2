package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rowlock/rowlock/rpc/gateway"
)

const (
	// maxBody is the largest request body: a batch of 4 MiB in base64, with its field names.
	maxBody = 8 << 20
	// maxHeader is the largest request header.
	maxHeader = 32 << 10
)

// newHTTP makes the HTTP server: the gateway under /v1/, metrics, probes and the OpenAPI file.
func (s *Server) newHTTP() (*http.Server, error) {
	api, err := s.newGateway()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", bounded(api))
	mux.HandleFunc("GET /v1/events", s.serveEvents)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		write(w, gateway.OpenAPI)
	})
	if s.cfg.Gatherer != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second}))
	}
	if s.cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, noSuchPath(r))
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       90 * time.Second, // it also ends a call that waits, for up to a minute
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          errorLog(s.cfg.Logger),
	}, nil
}

// parseQueries installs the parser of query parameters. The gateway library has one for the whole process, so that a
// second server must not write it while the first reads it.
var parseQueries = sync.OnceFunc(func() { runtime.NewServeMux(runtime.SetQueryParameterParser(queryParser{})) })

// newGateway makes the handler of /v1/. It calls the gRPC server within the process, so that a call over HTTP passes the
// same interceptors and limits.
func (s *Server) newGateway() (http.Handler, error) {
	conn, err := grpc.NewClient("passthrough:///rowlock",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.inner.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(2*maxMessage), grpc.MaxCallSendMsgSize(4*maxMessage)),
	)
	if err != nil {
		return nil, fmt.Errorf("api: gateway: %w", err)
	}
	s.gateway = conn
	parseQueries()
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newMarshaler()),
		runtime.WithErrorHandler(gatewayError),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.WithIncomingHeaderMatcher(incomingHeader),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
	)
	ctx := context.Background()
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		gateway.RegisterTaskServiceHandler, gateway.RegisterQueueServiceHandler, gateway.RegisterWorkerServiceHandler,
		gateway.RegisterClusterServiceHandler, gateway.RegisterScheduleServiceHandler,
		gateway.RegisterOperationServiceHandler, gateway.RegisterWatchServiceHandler,
		gateway.RegisterWorkflowServiceHandler, gateway.RegisterBatchServiceHandler,
	} {
		if err := register(ctx, mux, conn); err != nil {
			return nil, fmt.Errorf("api: gateway: %w", err)
		}
	}
	return mux, nil
}

// bounded bounds the request's body.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			writeError(w, http.StatusRequestEntityTooLarge, jsonError{Code: 3, Status: "INVALID_ARGUMENT", Reason: "too_large", Message: bodyTooLarge})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// ready is the readiness probe: a leader is known and this member doesn't lag.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	st := s.cfg.Node.Status()
	switch lag := st.CommitIndex - min(st.AppliedIndex, st.CommitIndex); {
	case st.LeaderID == "":
		writeText(w, http.StatusServiceUnavailable, "no leader is known")
	case lag > s.cfg.MaxLag:
		writeText(w, http.StatusServiceUnavailable, fmt.Sprintf("%d log entries behind", lag))
	default:
		writeText(w, http.StatusOK, "ready")
	}
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	write(w, []byte(text+"\n"))
}

// write sends a body; if it can't the caller has gone, and nobody is there to tell.
func write(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

func writeError(w http.ResponseWriter, code int, e jsonError) {
	body, err := json.Marshal(e)
	if err != nil {
		body = []byte(`{"code":13,"status":"INTERNAL","message":"the error can't be shown"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	write(w, append(body, '\n'))
}
