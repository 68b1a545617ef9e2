package rpc

import (
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// window is the flow control window of a stream and of a connection: large enough that a batch of 4 MiB or a burst
	// of leases isn't held up by a round trip.
	window = 4 << 20
	// buffer is what is read and written by one system call.
	buffer = 128 << 10
	// innerBuffer is the buffer of the gateway's connection within the process.
	innerBuffer = 256 << 10
	// maxStreams is how many calls a connection may have at a time.
	maxStreams = 4096
)

// newGRPC makes the gRPC server for clients.
func (s *Server) newGRPC() *grpc.Server {
	g := s.bareGRPC()
	s.health = health.NewServer()
	healthpb.RegisterHealthServer(g, s.health)
	reflection.Register(g)
	s.metrics.calls.prepare(g)
	return g
}

// newPeerGRPC makes the gRPC server for the other members.
func (s *Server) newPeerGRPC() *grpc.Server {
	g := s.bareGRPC()
	pb.RegisterPeerServiceServer(g, &peerService{node: s.cfg.Node, version: s.cfg.Version, api: s.advertised()})
	return g
}

// advertised is where clients reach this member.
func (s *Server) advertised() string { return s.advertise(s.APIAddr()) }

// advertisedHTTP is the same for HTTP.
func (s *Server) advertisedHTTP() string { return s.advertise(s.HTTPAddr()) }

func (s *Server) advertise(addr string) string {
	if s.cfg.AdvertiseHost == "" {
		return addr
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(s.cfg.AdvertiseHost, port)
}

// bareGRPC makes a gRPC server with the services that clients, and members for them, call.
func (s *Server) bareGRPC() *grpc.Server {
	i := &interceptor{
		metrics: s.metrics.calls, log: s.cfg.Logger, now: s.cfg.Now, leaderAPI: s.cfg.Node.LeaderAPI, forward: s.forward,
		timeline: s.cfg.Node.Timeline,
	}
	g := grpc.NewServer(
		grpc.UnaryInterceptor(i.unary),
		grpc.StreamInterceptor(i.stream),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(2*window),
		grpc.ReadBufferSize(buffer),
		grpc.WriteBufferSize(buffer),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.MaxHeaderListSize(16<<10),
		// A peer that vanished is noticed; one that pings too often is turned away.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	pb.RegisterTaskServiceServer(g, &taskService{node: s.cfg.Node, limits: s.cfg.Limits, now: s.cfg.Now})
	pb.RegisterWorkflowServiceServer(g, &workflowService{node: s.cfg.Node, limits: s.cfg.Limits})
	pb.RegisterQueueServiceServer(g, &queueService{node: s.cfg.Node})
	pb.RegisterScheduleServiceServer(g, &scheduleService{node: s.cfg.Node, limits: s.cfg.Limits, now: s.cfg.Now})
	pb.RegisterBatchServiceServer(g, &batchService{node: s.cfg.Node, limits: s.cfg.Limits})
	pb.RegisterClusterServiceServer(g, &clusterService{node: s.cfg.Node, version: s.cfg.Version, api: s.advertised(), http: s.advertisedHTTP(), now: s.cfg.Now})
	pb.RegisterWorkerServiceServer(g, s.workers)
	pb.RegisterOperationServiceServer(g, &operationService{node: s.cfg.Node, now: s.cfg.Now})
	pb.RegisterBackupServiceServer(g, s.backups)
	pb.RegisterWatchServiceServer(g, s.watch)
	pb.RegisterArchiveServiceServer(g, &archiveService{node: s.cfg.Node, version: s.cfg.Version})
	pb.RegisterRestoreServiceServer(g, &restoreService{node: s.cfg.Node})
	pb.RegisterMaintenanceServiceServer(g, &maintenanceService{node: s.cfg.Node})
	return g
}

// setHealth sets what the health service answers for the server and for each service.
func (s *Server) setHealth(serving bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthpb.HealthCheckResponse_SERVING
	}
	for _, name := range []string{"", pb.TaskService_ServiceDesc.ServiceName, pb.QueueService_ServiceDesc.ServiceName,
		pb.WorkerService_ServiceDesc.ServiceName, pb.ClusterService_ServiceDesc.ServiceName,
		pb.ScheduleService_ServiceDesc.ServiceName, pb.OperationService_ServiceDesc.ServiceName, pb.WatchService_ServiceDesc.ServiceName,
		pb.WorkflowService_ServiceDesc.ServiceName, pb.BatchService_ServiceDesc.ServiceName, pb.BackupService_ServiceDesc.ServiceName,
		pb.MaintenanceService_ServiceDesc.ServiceName, pb.RestoreService_ServiceDesc.ServiceName, pb.ArchiveService_ServiceDesc.ServiceName} {
		s.health.SetServingStatus(name, status)
	}
}
