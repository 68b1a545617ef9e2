package rpc

import (
	"context"
	"sync"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// workerService implements rowlock.v1.WorkerService.
type workerService struct {
	pb.UnimplementedWorkerServiceServer
	node     Node
	nodeID   string
	limits   Limits
	now      func() time.Time
	dispatch *dispatcher
	metrics  *sessionMetrics

	receivers sync.WaitGroup // the streams' receiving goroutines

	mu       sync.Mutex           // guards unlisted
	unlisted map[uint64]*unlisted // of sessions that use the unary calls
}

// openSession checks what a worker says of itself.
func openSession(info *pb.WorkerInfo) (*task.OpenSession, error) {
	if err := checkLength("worker.", "worker_id", info.GetWorkerId(), maxName); err != nil {
		return nil, err
	}
	if err := checkLength("worker.", "pool", info.GetPool(), maxName); err != nil {
		return nil, err
	}
	switch {
	case info.GetWorkerId() == "":
		return nil, invalid("worker.worker_id is required: a name that people recognise")
	case len(info.GetQueues()) == 0:
		return nil, invalid("worker.queues is required: at least one queue to serve")
	case len(info.GetQueues()) > maxSessionQueues:
		return nil, invalid("worker.queues has %d queues, but may have at most %d", len(info.GetQueues()), maxSessionQueues)
	case len(info.GetKinds()) > maxSessionKinds:
		return nil, invalid("worker.kinds has %d kinds, but may have at most %d", len(info.GetKinds()), maxSessionKinds)
	}
	out := &task.OpenSession{Worker: info.GetWorkerId(), Pool: info.GetPool(), Kinds: info.GetKinds()}
	seen := make(map[string]bool, len(info.GetQueues()))
	for _, q := range info.GetQueues() {
		if err := checkQueue("worker.queues.", "queue", q.GetQueue()); err != nil {
			return nil, err
		}
		if seen[q.GetQueue()] {
			return nil, invalid("worker.queues names %q twice", q.GetQueue())
		}
		seen[q.GetQueue()] = true
		if q.GetWeight() > maxQueueWeight {
			return nil, invalid("worker.queues.weight must be 1 to %d, not %d", maxQueueWeight, q.GetWeight())
		}
		out.Queues = append(out.Queues, task.QueueWeight{Queue: q.GetQueue(), Weight: uint16(max(q.GetWeight(), 1))})
	}
	for _, k := range info.GetKinds() {
		if err := checkLength("worker.", "kinds", k, maxKind); err != nil {
			return nil, err
		}
	}
	var err error
	out.Labels, err = labels("worker.labels", info.GetLabels())
	return out, err
}

func (s *workerService) OpenSession(ctx context.Context, req *pb.OpenSessionRequest) (*pb.OpenSessionResponse, error) {
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	open, err := openSession(req.GetWorker())
	if err != nil {
		return nil, err
	}
	res, err := propose(ctx, s.node, once(req.GetRequestId(), open), true)
	if err != nil {
		return nil, err
	}
	if len(res.Items) != 1 {
		return nil, errMixedUp
	}
	return &pb.OpenSessionResponse{
		SessionId: uint64(res.Items[0].ID), TtlSeconds: s.node.Sessions().TTL().Seconds(),
	}, nil
}

func (s *workerService) CloseSession(ctx context.Context, req *pb.CloseSessionRequest) (*pb.CloseSessionResponse, error) {
	if err := checkSession(req.GetSessionId()); err != nil {
		return nil, err
	}
	return &pb.CloseSessionResponse{}, s.close(ctx, req.GetSessionId())
}

func checkSession(id uint64) error {
	if id == 0 {
		return invalid("session_id is required")
	}
	return nil
}

func (s *workerService) close(ctx context.Context, session uint64) error {
	_, err := propose(ctx, s.node, &task.CloseSession{Session: session}, true)
	return err
}

func (s *workerService) Heartbeat(ctx context.Context, req *pb.HeartbeatRequest) (*pb.HeartbeatResponse, error) {
	if err := checkSession(req.GetSessionId()); err != nil {
		return nil, err
	}
	held, err := heldLeases(req.GetHeld())
	if err != nil {
		return nil, err
	}
	noted := make(map[uint64]task.ProgressItem, len(req.GetProgress()))
	for _, p := range req.GetProgress() {
		item, err := progressItem(p)
		if err != nil {
			return nil, err
		}
		noted[item.Token] = item
	}
	if err := s.node.Sessions().Renew(req.GetSessionId()); err != nil {
		return nil, s.renewal(err)
	}
	foreign, err := s.reconcile(req.GetSessionId(), held, s.unlistedOf(req.GetSessionId()))
	if err != nil {
		return nil, err
	}
	if len(noted) > 0 {
		s.recordProgress(noted)
	}
	out := &pb.HeartbeatResponse{TtlSeconds: s.node.Sessions().TTL().Seconds()}
	s.node.Machine(func(m *task.Machine) { out.Draining = m.SessionDrains(req.GetSessionId()) })
	for _, l := range s.stopping(req.GetSessionId()) {
		out.Stopping = append(out.Stopping, stopRequest(l))
	}
	for _, l := range foreign {
		out.Revoked = append(out.Revoked, &pb.Revocation{TaskId: l.id.String(), Token: l.token, Reason: revokedUnknown})
	}
	return out, nil
}

// recordProgress proposes signs of progress. They are worth nothing when they come late, so that nobody waits for them.
func (s *workerService) recordProgress(noted map[uint64]task.ProgressItem) {
	items := make([]task.ProgressItem, 0, len(noted))
	for _, item := range noted {
		items = append(items, item)
	}
	s.node.Submit([]task.Command{&task.Progress{Items: items}}, false, func([]task.Result, error) {})
}

func (s *workerService) ListWorkers(ctx context.Context, _ *pb.ListWorkersRequest) (*pb.ListWorkersResponse, error) {
	var sessions []task.Session
	err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
		sessions = v.Sessions()
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &pb.ListWorkersResponse{}
	for i := range sessions {
		out.Workers = append(out.Workers, s.viewWorker(&sessions[i]))
	}
	return out, nil
}

func (s *workerService) viewWorker(t *task.Session) *pb.Worker {
	info := &pb.WorkerInfo{WorkerId: t.Worker, Kinds: t.Kinds, Pool: t.Pool, Labels: labelMap(t.Labels)}
	for _, q := range t.Queues {
		info.Queues = append(info.Queues, &pb.QueueWeight{Queue: q.Queue, Weight: uint32(q.Weight)})
	}
	w := &pb.Worker{SessionId: t.ID, Info: info, Running: t.Running, OpenedAt: timestamp(t.OpenedAt), Draining: t.Draining, SilentSince: timestamp(t.SilentSince)}
	if beat := s.node.Sessions().LastBeat(t.ID); !beat.IsZero() {
		w.HeartbeatAt = timestamp(beat.UnixMicro())
	}
	return w
}
