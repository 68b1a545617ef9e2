package rpc

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// patience is how long a test waits for what must come, on however busy a machine.
const patience = 60 * time.Second

// member is a member with its API, as main would run it, and clients of it.
type member struct {
	t        testing.TB
	node     *raftfsm.Node
	server   *Server
	registry *prometheus.Registry
	conn     *grpc.ClientConn
	tasks    pb.TaskServiceClient
	queues   pb.QueueServiceClient
	batches  pb.BatchServiceClient
	workers  pb.WorkerServiceClient
	cluster  pb.ClusterServiceClient
	stop     func() // orderly; may be called twice
}

type memberOption func(*raftfsm.Config, *Config)

func withTTL(d time.Duration) memberOption {
	return func(n *raftfsm.Config, _ *Config) { n.SessionTTL = d }
}

// start runs a member in a temporary directory until the test ends.
func start(t testing.TB, options ...memberOption) *member {
	t.Helper()
	return startIn(t, t.TempDir(), options...)
}

func startIn(t testing.TB, dir string, options ...memberOption) *member {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	m := &member{t: t, registry: prometheus.NewRegistry()}
	nodeConfig := raftfsm.Config{
		DataDir: dir, NodeID: "n1", Bootstrap: true, Logger: log, SessionTTL: 10 * time.Minute, MinFree: 1, // few workers of the tests beat
		Raft: raftfsm.RaftConfig{ // who is alone can't lose the leadership, and soon has it
			HeartbeatTimeout: 100 * time.Millisecond, ElectionTimeout: 100 * time.Millisecond, LeaderLeaseTimeout: 50 * time.Millisecond,
			HungDisk: time.Minute,
		},
	}
	config := Config{
		APIAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Version: "test", Logger: log, Registerer: m.registry, Gatherer: m.registry,
	}
	for _, o := range options {
		o(&nodeConfig, &config)
	}
	var err error
	if m.node, err = raftfsm.Open(nodeConfig); err != nil {
		t.Fatal(err)
	}
	config.Node = m.node
	if m.server, err = New(config); err != nil {
		t.Fatal(err)
	}
	m.run()
	m.connect()
	if !nodeConfig.Bootstrap { // it follows another
		return m
	}
	select {
	case <-m.node.Ready():
	case <-time.After(patience):
		t.Fatal("the node isn't ready")
	}
	m.until("the dispatcher leads", m.server.dispatch.leads)
	m.until("all features are used", func() bool { return m.node.Status().FeatureLevel == m.node.Status().SupportedLevel })
	return m
}

func (m *member) run() {
	nodeCtx, stopNode := context.WithCancel(context.Background())
	apiCtx, stopAPI := context.WithCancel(context.Background())
	nodeEnd, apiEnd := make(chan error, 1), make(chan error, 1)
	go func() { nodeEnd <- m.node.Run(nodeCtx) }()
	go func() { apiEnd <- m.server.Run(apiCtx) }()
	stopped := false
	m.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stopAPI()
		if err := <-apiEnd; err != nil {
			m.t.Errorf("the API ended with %v", err)
		}
		stopNode()
		if err := <-nodeEnd; err != nil {
			m.t.Errorf("the node ended with %v", err)
		}
	}
	m.t.Cleanup(m.stop)
}

func (m *member) connect() {
	m.t.Helper()
	conn, err := grpc.NewClient(m.server.APIAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		m.t.Fatal(err)
	}
	m.conn = conn
	m.t.Cleanup(func() { _ = conn.Close() })
	m.tasks, m.queues = pb.NewTaskServiceClient(conn), pb.NewQueueServiceClient(conn)
	m.batches = pb.NewBatchServiceClient(conn)
	m.workers, m.cluster = pb.NewWorkerServiceClient(conn), pb.NewClusterServiceClient(conn)
}

// until waits for a condition.
func (m *member) until(what string, ok func() bool) {
	m.t.Helper()
	look, deadline := time.NewTicker(time.Millisecond), time.After(patience)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-deadline:
			m.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (m *member) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	m.t.Cleanup(cancel)
	return ctx
}

// enqueue accepts tasks and returns their IDs.
func (m *member) enqueue(tasks ...*pb.NewTask) []string {
	m.t.Helper()
	out, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: tasks})
	if err != nil {
		m.t.Fatal(err)
	}
	ids := make([]string, len(tasks))
	for i, r := range out.GetResults() {
		if r.GetError() != nil {
			m.t.Fatalf("task %d: %v", i, r.GetError())
		}
		ids[i] = r.GetTaskId()
	}
	return ids
}

func (m *member) get(id string) *pb.Task {
	m.t.Helper()
	out, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: id})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetTask()
}

// late is how many takers the sweep found overlooked.
func (m *member) late() float64 { return m.metric("rowlock_dispatch_late_wakeups_total") }

// metric returns the sum of a metric's series.
func (m *member) metric(name string) float64 {
	m.t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, s := range f.GetMetric() {
			sum += s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}
