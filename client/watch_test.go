package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// fakeWatch is a member that tells events 1 to 9, each of its position, until one at which it breaks.
type fakeWatch struct {
	rowlockv1.UnimplementedWatchServiceServer
	addr string

	mu     sync.Mutex // guards what follows
	from   []string   // where the streams began
	knows  int        // the first position from which it can go on
	breaks int        // 0: never
	waits  []error    // what calls of WaitTask are answered; nil: not done yet
}

func startFakeWatch(t *testing.T) *fakeWatch {
	t.Helper()
	f := &fakeWatch{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	s := grpc.NewServer()
	rowlockv1.RegisterWatchServiceServer(s, f)
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

func (f *fakeWatch) Watch(req *rowlockv1.WatchRequest, stream rowlockv1.WatchService_WatchServer) error {
	f.mu.Lock()
	f.from = append(f.from, req.GetAfter())
	knows, breaks := f.knows, f.breaks
	f.mu.Unlock()
	at, _ := strconv.Atoi(req.GetAfter())
	if at < knows {
		return refusal(codes.OutOfRange, "position_lost")
	}
	if err := stream.Send(&rowlockv1.WatchResponse{Position: strconv.Itoa(at)}); err != nil {
		return err
	}
	for at++; at < 10; at++ {
		if at == breaks {
			return refusal(codes.Unavailable, "stopping")
		}
		// The message is behind two events, of which one is told: the other was left out.
		e := &rowlockv1.Event{Position: strconv.Itoa(at), TaskId: "t", ToState: rowlockv1.Task_pending, Type: rowlockv1.Event_state}
		if err := stream.Send(&rowlockv1.WatchResponse{Events: []*rowlockv1.Event{e}, Position: e.GetPosition()}); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (f *fakeWatch) WaitTask(context.Context, *rowlockv1.WaitTaskRequest) (*rowlockv1.WaitTaskResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waits) == 0 {
		return &rowlockv1.WaitTaskResponse{Done: true, Task: &rowlockv1.Task{Id: "t", State: rowlockv1.Task_completed, Result: []byte("42")}}, nil
	}
	err := f.waits[0]
	f.waits = f.waits[1:]
	return &rowlockv1.WaitTaskResponse{Task: &rowlockv1.Task{Id: "t", State: rowlockv1.Task_running}}, err
}

// watchUntil collects the positions of events up to the last one.
func watchUntil(ctx context.Context, c *client.Client, q client.WatchQuery, last string) (got []string, err error) {
	for e, err := range c.Watch(ctx, q) {
		if err != nil {
			return got, err
		}
		if got = append(got, e.Position); e.Position == last {
			break
		}
	}
	return got, nil
}

// TestWatchGoesOn: from member to member, nothing is missed and nothing comes twice.
func TestWatchGoesOn(t *testing.T) {
	a, b := startFakeWatch(t), startFakeWatch(t)
	a.breaks, b.breaks = 4, 7
	c := newClient(t, client.Config{Addrs: []string{a.addr, b.addr}})
	var told []string
	go func() { // the third stream finds a whole again
		for {
			b.mu.Lock()
			n := len(b.from)
			b.mu.Unlock()
			if n > 0 {
				a.mu.Lock()
				a.breaks = 0
				a.mu.Unlock()
				return
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	got, err := watchUntil(t.Context(), c, client.WatchQuery{After: "0", OnPosition: func(p string) { told = append(told, p) }}, "9")
	if err != nil || !slices.Equal(got, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
		t.Errorf("%v, %v", got, err)
	}
	if !slices.Equal(a.from, []string{"0", "6"}) || !slices.Equal(b.from, []string{"3"}) {
		t.Errorf("streams began at %v and %v", a.from, b.from)
	}
	if len(told) == 0 || told[0] != "0" {
		t.Errorf("positions %v", told)
	}
}

// TestWatchLost: a position that one member doesn't know may be known to another; if to none, that is the end.
func TestWatchLost(t *testing.T) {
	a, b := startFakeWatch(t), startFakeWatch(t)
	a.knows = 3
	c := newClient(t, client.Config{Addrs: []string{a.addr, b.addr}})
	if got, err := watchUntil(t.Context(), c, client.WatchQuery{After: "1"}, "3"); err != nil || fmt.Sprint(got) != "[2 3]" {
		t.Errorf("%v, %v", got, err)
	}
	b.mu.Lock()
	b.knows = 5
	b.mu.Unlock()
	_, err := watchUntil(t.Context(), c, client.WatchQuery{After: "1"}, "3")
	if !errors.Is(err, client.ErrPositionLost) || errors.Is(err, client.ErrInvalid) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range c.Watch(ctx, client.WatchQuery{After: "5"}) {
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		cancel()
	}
}

// TestWaitGoesOn: through calls whose time is over, and servers that stop meanwhile.
func TestWaitGoesOn(t *testing.T) {
	f := startFakeWatch(t)
	f.waits = []error{nil, refusal(codes.Unavailable, "not_leader"), nil}
	c := newClient(t, client.Config{Addrs: []string{f.addr}})
	if got, err := client.Result[int](t.Context(), c, "t"); err != nil || got != 42 {
		t.Errorf("%v, %v", got, err)
	}
	f.waits = []error{refusal(codes.NotFound, "not_found")}
	if _, err := c.Wait(t.Context(), "t"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
