package worker_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// fakeServer is a server for faults of the network: a test plays its part, stream by stream.
type fakeServer struct {
	rowlockv1.UnimplementedWorkerServiceServer
	addr    string
	stop    func()
	streams chan *fakeStream
}

// fakeStream is the server's side of one stream. What the worker sends is gathered in seen.
type fakeStream struct {
	t      *testing.T
	hello  *rowlockv1.Hello
	stream rowlockv1.WorkerService_WorkServer
	end    chan error

	mu     sync.Mutex // guards what follows
	change chan struct{}
	seen   seen
	mute   bool // heartbeats get no answer
	ttl    time.Duration
}

// seen is what a worker sent on a stream.
type seen struct {
	outcomes map[uint64]*rowlockv1.Outcome // by token
	order    []uint64                      // of the outcomes
	started  map[uint64]bool
	progress map[uint64]*rowlockv1.LeaseProgress
	capacity int
	beats    []*rowlockv1.Beat
	goodbye  bool
	messages int
}

func startFake(t *testing.T) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	f := &fakeServer{addr: listener.Addr().String(), streams: make(chan *fakeStream)}
	rowlockv1.RegisterWorkerServiceServer(s, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	f.stop = sync.OnceFunc(func() {
		s.Stop()
		<-done
	})
	t.Cleanup(f.stop)
	return f
}

// Work hands the stream to the test, and gathers what comes.
func (f *fakeServer) Work(stream rowlockv1.WorkerService_WorkServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	s := &fakeStream{
		hello: first.GetHello(), stream: stream, end: make(chan error, 1), change: make(chan struct{}, 1), ttl: time.Minute,
		seen: seen{
			outcomes: make(map[uint64]*rowlockv1.Outcome),
			started:  make(map[uint64]bool),
			progress: make(map[uint64]*rowlockv1.LeaseProgress),
			capacity: -1,
		},
	}
	select {
	case f.streams <- s:
	case <-stream.Context().Done():
		return nil
	}
	received := make(chan error, 1)
	go func() { received <- s.receive() }()
	select {
	case err := <-s.end:
		return err
	case <-received:
		return nil
	}
}

func (s *fakeStream) receive() error {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return err
		}
		s.gather(m)
	}
}

func (s *fakeStream) gather(m *rowlockv1.WorkRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.messages++
	for _, o := range m.GetOutcomes() {
		s.seen.outcomes[o.GetToken()] = o
		s.seen.order = append(s.seen.order, o.GetToken())
	}
	for _, token := range m.GetStarted() {
		s.seen.started[token] = true
	}
	for _, p := range m.GetProgress() {
		s.seen.progress[p.GetToken()] = p
	}
	if m.Capacity != nil {
		s.seen.capacity = int(m.GetCapacity())
	}
	if b := m.GetBeat(); b != nil {
		s.seen.beats = append(s.seen.beats, b)
		if !s.mute {
			_ = s.stream.Send(&rowlockv1.WorkResponse{Beat: &rowlockv1.BeatAck{Sequence: b.GetSequence()}})
		}
	}
	s.seen.goodbye = s.seen.goodbye || m.GetGoodbye()
	select {
	case s.change <- struct{}{}:
	default:
	}
}

// accept waits for the worker's next stream.
func (f *fakeServer) accept(t *testing.T) *fakeStream {
	t.Helper()
	select {
	case s := <-f.streams:
		s.t = t
		return s
	case <-time.After(time.Minute):
		t.Fatal("the worker did not connect")
		return nil
	}
}

// welcome answers the worker's Hello.
func (s *fakeStream) welcome(session uint64, ttl time.Duration, fresh bool) {
	s.t.Helper()
	s.send(&rowlockv1.WorkResponse{Welcome: &rowlockv1.Welcome{SessionId: session, TtlSeconds: ttl.Seconds(), Fresh: fresh}})
}

// send sends under the mutex: the answers to heartbeats come from another goroutine.
func (s *fakeStream) send(m *rowlockv1.WorkResponse) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stream.Send(m); err != nil {
		s.t.Errorf("Send: %v", err)
	}
}

// give hands out tasks of a kind, with these tokens.
func (s *fakeStream) give(kind string, tokens ...uint64) {
	s.t.Helper()
	m := &rowlockv1.WorkResponse{}
	for _, token := range tokens {
		m.Tasks = append(m.Tasks, &rowlockv1.LeasedTask{
			Id: fmt.Sprintf("task-%d", token), Token: token, Queue: "default", Kind: kind, Payload: []byte(`{"n":1}`),
			Attempt: 1, MaxAttempts: 25,
		})
	}
	s.send(m)
}

// silence lets heartbeats go without an answer.
func (s *fakeStream) silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = true
}

// await waits until what was seen fulfils a condition.
func (s *fakeStream) await(what string, condition func(seen *seen) bool) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for {
		s.mu.Lock()
		ok := condition(&s.seen)
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.change:
		case <-deadline:
			s.t.Fatalf("did not come to pass: %s", what)
		}
	}
}

// outcome waits for the outcome under a token.
func (s *fakeStream) outcome(token uint64) *rowlockv1.Outcome {
	s.t.Helper()
	var o *rowlockv1.Outcome
	s.await(fmt.Sprintf("an outcome under token %d", token), func(seen *seen) bool {
		o = seen.outcomes[token]
		return o != nil
	})
	return o
}

// ack acknowledges outcomes.
func (s *fakeStream) ack(tokens ...uint64) {
	s.t.Helper()
	s.send(&rowlockv1.WorkResponse{Acked: tokens})
}

// running is a worker that runs.
type running struct {
	*worker.Worker
	stop   func()
	result chan error
}

// run starts a worker, whose handlers the test has registered, and stops it when the test ends.
func run(t *testing.T, f *fakeServer, config worker.Config, register func(*worker.Worker), more ...string) *running {
	t.Helper()
	c, err := client.New(client.Config{Addrs: append([]string{f.addr}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := worker.New(c, config)
	if err != nil {
		t.Fatal(err)
	}
	register(w)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Worker: w, stop: stop, result: make(chan error, 1)}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		r.result <- w.Run(ctx)
	}()
	t.Cleanup(func() {
		r.stop()
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		<-finished
	})
	return r
}
