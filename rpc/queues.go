package rpc

import (
	"context"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// queueService implements rowlock.v1.QueueService.
type queueService struct {
	pb.UnimplementedQueueServiceServer
	node Node
}

func (s *queueService) ListQueues(ctx context.Context, req *pb.ListQueuesRequest) (*pb.ListQueuesResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	at, err := parseCursor(req.GetCursor(), listQueues, 0)
	if err != nil {
		return nil, err
	}
	out := &pb.ListQueuesResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		queues, workers := v.Queues(at.name, limit), workersByQueue(v.Sessions())
		for i := range queues {
			out.Queues = append(out.Queues, viewQueue(&queues[i], workers[queues[i].Name]))
		}
		if len(queues) == limit {
			at.name = queues[limit-1].Name
			out.NextCursor = at.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *queueService) GetQueue(ctx context.Context, req *pb.GetQueueRequest) (*pb.GetQueueResponse, error) {
	lag := lagOf(s.node, req)
	q, err := s.read(ctx, req.GetName(), req.GetStale())
	if err != nil {
		return nil, err
	}
	return &pb.GetQueueResponse{Queue: q, Lag: lag}, nil
}

func (s *queueService) read(ctx context.Context, name string, stale bool) (out *pb.Queue, err error) {
	if err := checkQueue("", "name", name); err != nil {
		return nil, err
	}
	err = s.node.Read(ctx, stale, func(v *raftfsm.View) error {
		q, ok := v.Queue(name)
		if !ok {
			return notFound("no queue %q", name)
		}
		out = viewQueue(&q, workersByQueue(v.Sessions())[name])
		return nil
	})
	return out, err
}

// workersByQueue counts the sessions that serve each queue.
func workersByQueue(sessions []task.Session) map[string]uint32 {
	n := map[string]uint32{}
	for i := range sessions {
		for _, q := range sessions[i].Queues {
			n[q.Queue]++
		}
	}
	return n
}

func viewQueue(q *task.Queue, workers uint32) *pb.Queue {
	return &pb.Queue{
		Name: q.Name, Paused: q.Mode == task.QueuePaused, Draining: q.Mode == task.QueueDraining,
		Pending: q.Live[task.Pending], Scheduled: q.Live[task.Scheduled], Blocked: q.Live[task.Blocked],
		Running: q.Live[task.Running], DeadLetter: q.Live[task.DeadLetter],
		CompletedTotal: q.Completed, CancelledTotal: q.Cancelled, FailedAttemptsTotal: q.Failures,
		EnqueuedTotal: q.Enqueued, OldestPendingAt: timestamp(q.OldestAt), Settings: viewSettings(&q.Settings),
		HistoryTasks: q.History.Next - q.History.First, HistoryBytes: q.History.Bytes, Workers: workers,
		LiveBytes: q.Bytes,
	}
}

func viewSettings(s *task.QueueSettings) *pb.QueueSettings {
	return &pb.QueueSettings{
		MaxAttempts: uint32(s.MaxAttempts), MaxWorkerDeaths: uint32(s.MaxWorkerDeaths),
		TimeoutSeconds: seconds(s.Timeout), TtlSeconds: seconds(s.TTL), Backoff: viewBackoff(s.Backoff),
		RetentionSeconds: seconds(s.RetentionAge), RetentionBytes: s.RetentionBytes, RetentionTasks: s.RetentionTasks,
		MaxRunning: s.MaxRunning, Rate: viewRate(s.Rate), KeyMaxRunning: s.KeyMaxRunning, KeyRate: viewRate(s.KeyRate),
		FairWeights: viewWeights(s.FairWeights), PriorityAgingSeconds: seconds(s.PriorityAging), StickyWaitSeconds: seconds(s.StickyWait),
		MaxTasks: s.MaxTasks, MaxBytes: s.MaxBytes, DeadLetterQueue: s.DeadLetterQueue,
	}
}

func (s *queueService) SetQueue(ctx context.Context, req *pb.SetQueueRequest) (*pb.SetQueueResponse, error) {
	if err := checkQueue("", "name", req.GetName()); err != nil {
		return nil, err
	}
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	cmd := &task.SetQueue{Queue: req.GetName()}
	var err error
	if cmd.Settings, err = queueSettings(req.GetSettings()); err != nil {
		return nil, err
	}
	if err := setQuotas(cmd, req.GetSettings()); err != nil {
		return nil, err
	}
	if cmd.Fields, err = settingsFields(req.GetFields(), &cmd.Settings); err != nil {
		return nil, err
	}
	if _, err := propose(ctx, s.node, once(req.GetRequestId(), cmd), false); err != nil {
		return nil, err
	}
	q, err := s.read(ctx, req.GetName(), false)
	if err != nil {
		return nil, err
	}
	return &pb.SetQueueResponse{Queue: q}, nil
}

func queueSettings(in *pb.QueueSettings) (out task.QueueSettings, err error) {
	if out.MaxAttempts, err = attempts("settings.max_attempts", in.GetMaxAttempts()); err != nil {
		return out, err
	}
	if out.MaxWorkerDeaths, err = deaths("settings.max_worker_deaths", in.GetMaxWorkerDeaths()); err != nil {
		return out, err
	}
	for _, f := range []struct {
		name string
		from float64
		to   *task.Duration
	}{
		{"timeout_seconds", in.GetTimeoutSeconds(), &out.Timeout}, {"ttl_seconds", in.GetTtlSeconds(), &out.TTL},
		{"retention_seconds", in.GetRetentionSeconds(), &out.RetentionAge},
		{"priority_aging_seconds", in.GetPriorityAgingSeconds(), &out.PriorityAging},
		{"sticky_wait_seconds", in.GetStickyWaitSeconds(), &out.StickyWait},
	} {
		if *f.to, err = microseconds("settings.", f.name, f.from); err != nil {
			return out, err
		}
	}
	out.RetentionBytes, out.RetentionTasks = in.GetRetentionBytes(), in.GetRetentionTasks()
	if err := setQueueLimits(&out, in); err != nil {
		return out, err
	}
	out.Backoff, err = backoff("settings.", in.GetBackoff())
	return out, err
}

// settingsFields returns the fields that a call names, or if it names none those that it sets.
func settingsFields(names []string, s *task.QueueSettings) (fields task.SettingsField, err error) {
	table := []struct {
		name string
		bit  task.SettingsField
		set  bool
	}{
		{"max_attempts", task.FieldMaxAttempts, s.MaxAttempts != 0},
		{"max_worker_deaths", task.FieldMaxWorkerDeaths, s.MaxWorkerDeaths != 0},
		{"timeout_seconds", task.FieldTimeout, s.Timeout != 0},
		{"ttl_seconds", task.FieldTTL, s.TTL != 0},
		{"backoff", task.FieldBackoff, !s.Backoff.IsZero()},
		{"retention_seconds", task.FieldRetentionAge, s.RetentionAge != 0},
		{"retention_bytes", task.FieldRetentionBytes, s.RetentionBytes != 0},
		{"retention_tasks", task.FieldRetentionTasks, s.RetentionTasks != 0},
		{"max_running", task.FieldMaxRunning, s.MaxRunning != 0},
		{"rate", task.FieldRate, !s.Rate.IsZero()},
		{"key_max_running", task.FieldKeyMaxRunning, s.KeyMaxRunning != 0},
		{"key_rate", task.FieldKeyRate, !s.KeyRate.IsZero()},
		{"fair_weights", task.FieldFairWeights, len(s.FairWeights) != 0},
		{"priority_aging_seconds", task.FieldPriorityAging, s.PriorityAging != 0},
		{"sticky_wait_seconds", task.FieldStickyWait, s.StickyWait != 0},
		{"max_tasks", task.FieldMaxTasks, s.MaxTasks != 0},
		{"max_bytes", task.FieldMaxBytes, s.MaxBytes != 0},
		{"dead_letter_queue", task.FieldDeadLetterQueue, s.DeadLetterQueue != ""},
	}
	for _, f := range table {
		if len(names) == 0 && f.set {
			fields |= f.bit
		}
	}
names:
	for _, name := range names {
		for _, f := range table {
			if f.name == name {
				fields |= f.bit
				continue names
			}
		}
		return 0, invalid("fields has %q, which is no field of settings", clip(name))
	}
	return fields, nil
}

func (s *queueService) PauseQueue(ctx context.Context, req *pb.PauseQueueRequest) (*pb.PauseQueueResponse, error) {
	return &pb.PauseQueueResponse{}, s.setMode(ctx, req.GetName(), req.GetRequestId(), task.QueuePaused)
}

func (s *queueService) ResumeQueue(ctx context.Context, req *pb.ResumeQueueRequest) (*pb.ResumeQueueResponse, error) {
	if _, err := s.read(ctx, req.GetName(), false); err != nil { // unlike a pause, it makes no queue
		return nil, err
	}
	return &pb.ResumeQueueResponse{}, s.setMode(ctx, req.GetName(), req.GetRequestId(), task.QueueOpen)
}

func (s *queueService) DrainQueue(ctx context.Context, req *pb.DrainQueueRequest) (*pb.DrainQueueResponse, error) {
	return &pb.DrainQueueResponse{}, s.setMode(ctx, req.GetName(), req.GetRequestId(), task.QueueDraining)
}

func (s *queueService) setMode(ctx context.Context, name, requestID string, mode task.QueueMode) error {
	if err := checkQueue("", "name", name); err != nil {
		return err
	}
	if err := checkRequestID(requestID); err != nil {
		return err
	}
	_, err := propose(ctx, s.node, once(requestID, &task.SetQueueMode{Queue: name, Mode: mode}), false)
	return err
}

func (s *queueService) PurgeQueue(ctx context.Context, req *pb.PurgeQueueRequest) (*pb.PurgeQueueResponse, error) {
	if err := checkQueue("", "name", req.GetName()); err != nil {
		return nil, err
	}
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	res, err := propose(ctx, s.node, once(req.GetRequestId(), &task.PurgeQueue{Queue: req.GetName()}), false)
	if err != nil {
		return nil, err
	}
	if len(res.Items) != 1 {
		return nil, errMixedUp
	}
	return &pb.PurgeQueueResponse{Tasks: res.Items[0].Other}, nil
}
