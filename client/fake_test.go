package client_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// fakeServer is a server for faults of the network: it executes each call once, as the real one does, and a hook decides
// what becomes of the call and its answer.
type fakeServer struct {
	rowlockv1.UnimplementedTaskServiceServer
	addr string

	// before is called before a call is executed, after before it is answered; an error is the answer.
	before, after func(*rowlockv1.EnqueueRequest) error

	mu        sync.Mutex // guards what follows
	producers uint64
	answers   map[string]*rowlockv1.EnqueueResponse
	kinds     map[string]int // how many tasks there are of a kind
	calls     []*rowlockv1.EnqueueRequest
}

func startFake(t *testing.T) *fakeServer {
	t.Helper()
	return startFakeAt(t, "127.0.0.1:0")
}

func startFakeAt(t *testing.T, addr string) *fakeServer {
	t.Helper()
	f := &fakeServer{answers: make(map[string]*rowlockv1.EnqueueResponse), kinds: make(map[string]int)}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	s := grpc.NewServer()
	rowlockv1.RegisterTaskServiceServer(s, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
	return f
}

func (f *fakeServer) OpenProducer(context.Context, *rowlockv1.OpenProducerRequest) (*rowlockv1.OpenProducerResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.producers++
	return &rowlockv1.OpenProducerResponse{ProducerId: f.producers, IdleTtlSeconds: 60}, nil
}

func (f *fakeServer) Enqueue(_ context.Context, req *rowlockv1.EnqueueRequest) (*rowlockv1.EnqueueResponse, error) {
	if f.before != nil {
		if err := f.before(req); err != nil {
			return nil, err
		}
	}
	resp := f.execute(req)
	if f.after != nil {
		if err := f.after(req); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

func (f *fakeServer) execute(req *rowlockv1.EnqueueRequest) *rowlockv1.EnqueueResponse {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, req)
	key := fmt.Sprint(req.GetProducerId(), req.GetSequence(), req.GetRequestId())
	if resp, ok := f.answers[key]; ok {
		return resp
	}
	resp := &rowlockv1.EnqueueResponse{}
	for _, t := range req.GetTasks() {
		f.kinds[t.GetKind()]++
		resp.Results = append(resp.Results, &rowlockv1.EnqueueResult{TaskId: fmt.Sprintf("id-of-%s", t.GetKind())})
	}
	f.answers[key] = resp
	return resp
}

// count is how many tasks of a kind there are.
func (f *fakeServer) count(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kinds[kind]
}

// requests returns the calls that were executed, repeated ones included.
func (f *fakeServer) requests() []*rowlockv1.EnqueueRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*rowlockv1.EnqueueRequest(nil), f.calls...)
}

// refusal is a status with a reason, as the servers send it.
func refusal(code codes.Code, reason string, metadata ...string) error {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "rowlock", Metadata: map[string]string{}}
	for i := 0; i < len(metadata); i += 2 {
		info.Metadata[metadata[i]] = metadata[i+1]
	}
	s, err := status.New(code, reason).WithDetails(info)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func newClient(t *testing.T, config client.Config) *client.Client {
	t.Helper()
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// eventually waits for a condition, for at most a minute.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("did not come to pass: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}
