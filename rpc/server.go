package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/test/bufconn"
)

// Server is the API of one member: gRPC on one port, HTTP on another.
type Server struct {
	cfg      Config
	metrics  *metrics
	dispatch *dispatcher
	workers  *workerService
	watch    *watchService
	backups  *backupService
	health   *health.Server
	grpc     *grpc.Server
	members  *grpc.Server // for the other members
	peers    *peers
	forward  *forwarder
	http     *http.Server
	gateway  *grpc.ClientConn

	apiListener, httpListener net.Listener
	inner                     *bufconn.Listener // the gateway's way to the gRPC server, within the process
}

// New checks the configuration and listens on both ports. Nothing is answered until Run, which must be called.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Node)}
	if err := s.listen(); err != nil {
		return nil, err
	}
	s.workers = &workerService{
		node: cfg.Node, nodeID: cfg.Node.Status().NodeID, limits: cfg.Limits, now: cfg.Now,
		metrics: s.metrics.sessions, unlisted: map[uint64]*unlisted{},
	}
	s.watch = newWatchService(cfg.Node, s.metrics.watch)
	s.backups = newBackupService(cfg.Node, cfg.Version)
	s.dispatch = newDispatcher(cfg.Node, cfg.Logger, s.metrics.dispatch, s.workers.forget)
	s.workers.dispatch = s.dispatch
	s.peers = newPeers(cfg.Node)
	if s.forward, err = newForwarder(cfg.Node, s.peers); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.grpc, s.members = s.newGRPC(), s.newPeerGRPC()
	if s.http, err = s.newHTTP(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.metrics.register(cfg.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("api: register metrics: %w", err), s.close())
	}
	return s, nil
}

func (s *Server) listen() (err error) {
	if s.apiListener, err = net.Listen("tcp", s.cfg.APIAddr); err != nil {
		return fmt.Errorf("api: listen for gRPC: %w", err)
	}
	if s.httpListener, err = net.Listen("tcp", s.cfg.HTTPAddr); err != nil {
		return errors.Join(fmt.Errorf("api: listen for HTTP: %w", err), s.apiListener.Close())
	}
	s.inner = bufconn.Listen(innerBuffer)
	return nil
}

// close undoes New.
func (s *Server) close() error {
	err := errors.Join(s.apiListener.Close(), s.httpListener.Close(), s.inner.Close())
	if s.gateway != nil {
		err = errors.Join(err, s.gateway.Close())
	}
	return err
}

// APIAddr is the address that gRPC is served at.
func (s *Server) APIAddr() string { return s.apiListener.Addr().String() }

// HTTPAddr is the address that HTTP is served at.
func (s *Server) HTTPAddr() string { return s.httpListener.Addr().String() }

// Run answers calls until ctx is done or a port fails. Then workers are told, calls in progress get StopTimeout to end,
// and everything is stopped. The node must run longer than the server.
func (s *Server) Run(ctx context.Context) error {
	defer s.metrics.unregister(s.cfg.Registerer)
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	failed := make(chan error, 4)
	serve := func(what string, fn func() error) {
		group.Go(func() {
			err := fn()
			if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) && !errors.Is(err, net.ErrClosed) {
				failed <- fmt.Errorf("api: serve %s: %w", what, err)
			}
		})
	}
	group.Go(func() { s.dispatch.run(inner) })
	group.Go(func() { s.watchHealth(inner) })
	group.Go(func() { s.watch.waiters.run(inner) })
	group.Go(func() { s.forward.run(inner) })
	s.cfg.Node.SetDispatcher(s.dispatch)
	s.cfg.Node.SetDiscoverer(s.peers)
	serve("members", func() error { return s.members.Serve(s.cfg.Node.PeerListener()) })
	serve("gRPC", func() error { return s.grpc.Serve(s.apiListener) })
	serve("the gateway", func() error { return s.grpc.Serve(s.inner) })
	serve("HTTP", func() error { return s.http.Serve(s.httpListener) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, s.stop())
	stop()
	group.Wait()
	s.workers.receivers.Wait()
	return err
}

// stop ends everything that is being served, within StopTimeout.
func (s *Server) stop() error {
	s.health.Shutdown()
	s.dispatch.stop()
	s.watch.stop()
	s.backups.stop()
	close(s.forward.stop)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.StopTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	stopped := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		s.members.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.grpc.Stop()
		s.members.Stop()
		<-stopped
	}
	return errors.Join(err, s.gateway.Close(), s.peers.close())
}

// watchHealth keeps the health service's answer: serving while a leader is known.
func (s *Server) watchHealth(ctx context.Context) {
	const every = 250 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	ready := s.cfg.Node.Ready()
	for {
		s.setHealth(s.cfg.Node.Status().LeaderID != "")
		select {
		case <-ctx.Done():
			return
		case <-ready: // those who wait for that ask at once
			ready = nil
		case <-tick.C:
		}
	}
}
