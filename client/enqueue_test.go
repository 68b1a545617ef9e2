package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func raw(kind string) client.Args { return client.Raw(kind, []byte("{}")) }

// Calls that are made while others are on their way share requests.
func TestEnqueueCoalesces(t *testing.T) {
	const callers = 200
	f := startFake(t)
	arrived, release := make(chan struct{}, callers), make(chan struct{})
	f.before = func(*rowlockv1.EnqueueRequest) error {
		arrived <- struct{}{}
		<-release
		return nil
	}
	c := newClient(t, client.Config{Addrs: []string{f.addr}, InFlight: 1})
	var calls sync.WaitGroup
	enqueue := func(kind string) {
		r, err := c.Enqueue(t.Context(), raw(kind))
		if err != nil || r.ID != "id-of-"+kind {
			t.Errorf("Enqueue %s: %+v, %v", kind, r, err)
		}
	}
	calls.Go(func() { enqueue("first") })
	<-arrived
	for i := range callers {
		calls.Go(func() { enqueue(fmt.Sprint("k", i)) })
	}
	eventually(t, "the calls wait in a batch", func() bool { return client.Waiting(c) == callers })
	close(release)
	calls.Wait()
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d calls took %d requests, want 2", callers+1, n)
	}
}

// A request whose answer is lost is sent again under its sequence, so that there is no second task.
func TestEnqueueLostAnswer(t *testing.T) {
	for _, oneShot := range []bool{false, true} {
		t.Run(fmt.Sprintf("one shot %v", oneShot), func(t *testing.T) {
			f := startFake(t)
			var lost atomic.Int32
			f.after = func(*rowlockv1.EnqueueRequest) error {
				if lost.Add(1) <= 2 {
					return status.Error(codes.Unavailable, "the connection broke")
				}
				return nil
			}
			c := newClient(t, client.Config{Addrs: []string{f.addr}, OneShot: oneShot})
			if _, err := c.Enqueue(t.Context(), raw("a")); err != nil {
				t.Fatal(err)
			}
			if n := f.count("a"); n != 1 {
				t.Errorf("%d tasks, want 1", n)
			}
			reqs := f.requests()
			if len(reqs) != 3 {
				t.Fatalf("%d requests, want 3", len(reqs))
			}
			if oneShot == (reqs[0].GetRequestId() == "") || oneShot == (reqs[0].GetProducerId() != 0) {
				t.Errorf("wrong identity: %v", reqs[0])
			}
		})
	}
}

// Whatever gets lost: what was acknowledged is there once, what was refused isn't there at all.
func TestEnqueueExactlyOnce(t *testing.T) {
	f := startFake(t)
	lose := func(*rowlockv1.EnqueueRequest) error {
		switch rand.IntN(8) {
		case 0:
			return status.Error(codes.Unavailable, "lost")
		case 1:
			return status.Error(codes.DeadlineExceeded, "late")
		}
		return nil
	}
	f.before, f.after = lose, lose
	c := newClient(t, client.Config{Addrs: []string{f.addr}, InFlight: 4})
	var calls sync.WaitGroup
	for g := range 16 {
		calls.Go(func() {
			for i := range 20 {
				kind := fmt.Sprintf("k-%d-%d", g, i)
				_, err := c.Enqueue(t.Context(), raw(kind))
				if n := f.count(kind); err != nil || n != 1 {
					t.Errorf("%s: %d tasks, %v", kind, n, err)
				}
			}
		})
	}
	calls.Wait()
	checkAckedBelow(t, f.requests())
}

// checkAckedBelow checks that no sequence was sent after a request had said that it was answered.
func checkAckedBelow(t *testing.T, reqs []*rowlockv1.EnqueueRequest) {
	t.Helper()
	var highest uint64
	for _, r := range reqs {
		if r.GetAckedBelow() > r.GetSequence() {
			t.Errorf("sequence %d with acked_below %d", r.GetSequence(), r.GetAckedBelow())
		}
		highest = max(highest, r.GetAckedBelow())
	}
	if highest < 2 {
		t.Errorf("acked_below never rose")
	}
}

// A producer that the servers have forgotten: what was never executed goes out under a new session; of what may have
// been executed, nobody knows.
func TestEnqueueForgottenProducer(t *testing.T) {
	forgotten := refusal(codes.FailedPrecondition, "unknown_producer")
	t.Run("known outcome", func(t *testing.T) {
		f := startFake(t)
		f.before = func(r *rowlockv1.EnqueueRequest) error {
			if r.GetProducerId() == 1 {
				return forgotten
			}
			return nil
		}
		c := newClient(t, client.Config{Addrs: []string{f.addr}})
		if _, err := c.Enqueue(t.Context(), raw("a")); err != nil || f.count("a") != 1 {
			t.Errorf("%d tasks, %v", f.count("a"), err)
		}
	})
	t.Run("unknown outcome", func(t *testing.T) {
		f := startFake(t)
		var calls atomic.Int32
		f.before = func(r *rowlockv1.EnqueueRequest) error {
			if r.GetProducerId() != 1 {
				return nil
			}
			if calls.Add(1) == 1 {
				return status.Error(codes.Unavailable, "lost")
			}
			return forgotten
		}
		c := newClient(t, client.Config{Addrs: []string{f.addr}})
		_, err := c.Enqueue(t.Context(), raw("a"))
		if !errors.Is(err, client.ErrUnknownOutcome) {
			t.Errorf("got %v, want ErrUnknownOutcome", err)
		}
		if _, err := c.Enqueue(t.Context(), raw("b")); err != nil {
			t.Errorf("the client did not open a new session: %v", err)
		}
	})
	t.Run("sequence forgotten", func(t *testing.T) {
		f := startFake(t)
		f.before = func(*rowlockv1.EnqueueRequest) error { return refusal(codes.FailedPrecondition, "sequence_forgotten") }
		c := newClient(t, client.Config{Addrs: []string{f.addr}})
		if _, err := c.Enqueue(t.Context(), raw("a")); !errors.Is(err, client.ErrUnknownOutcome) {
			t.Errorf("got %v, want ErrUnknownOutcome", err)
		}
	})
}

// A malformed task doesn't take others with it that share its request by chance.
func TestEnqueueIsolatesMalformed(t *testing.T) {
	f := startFake(t)
	f.before = func(r *rowlockv1.EnqueueRequest) error {
		for _, task := range r.GetTasks() {
			if strings.HasPrefix(task.GetKind(), "bad") {
				return refusal(codes.InvalidArgument, "invalid")
			}
		}
		return nil
	}
	c := newClient(t, client.Config{Addrs: []string{f.addr}})
	tasks := make([]client.NewTask, 100)
	for i := range tasks {
		tasks[i].Args = raw(fmt.Sprint("good", i))
	}
	tasks[17].Args, tasks[63].Args = raw("bad1"), raw("bad2")
	receipts, err := c.EnqueueMany(t.Context(), tasks)
	var partial *client.PartialError
	if !errors.As(err, &partial) || partial.Failed != 2 || !errors.Is(err, client.ErrInvalid) {
		t.Fatalf("got %v, want 2 refused", err)
	}
	for i, r := range receipts {
		kind := tasks[i].Args.Kind()
		if bad := strings.HasPrefix(kind, "bad"); bad != errors.Is(r.Err, client.ErrInvalid) || (!bad && f.count(kind) != 1) {
			t.Errorf("%s: %+v, %d tasks", kind, r, f.count(kind))
		}
	}
}

// Any number of tasks goes through, in requests that the servers take.
func TestEnqueueManySplits(t *testing.T) {
	f := startFake(t)
	f.before = func(r *rowlockv1.EnqueueRequest) error {
		size := 0
		for _, task := range r.GetTasks() {
			size += len(task.GetPayload())
		}
		if len(r.GetTasks()) > 10_000 || size > 4<<20 {
			return refusal(codes.Internal, "too large")
		}
		return nil
	}
	c := newClient(t, client.Config{Addrs: []string{f.addr}})
	tasks := make([]client.NewTask, 25_000)
	for i := range tasks {
		size := 10
		if i%1000 == 0 {
			size = 256 << 10
		}
		tasks[i].Args = client.Raw(fmt.Sprint(i), make([]byte, size))
	}
	receipts, err := c.EnqueueMany(t.Context(), tasks)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range receipts {
		if r.ID != fmt.Sprint("id-of-", i) {
			t.Fatalf("receipt %d is %+v", i, r)
		}
	}
}

// A caller that goes away takes its task back, unless it is on its way.
func TestEnqueueContext(t *testing.T) {
	f := startFake(t)
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	f.before = func(*rowlockv1.EnqueueRequest) error {
		arrived <- struct{}{}
		<-release
		return nil
	}
	c := newClient(t, client.Config{Addrs: []string{f.addr}, InFlight: 1})
	enqueue := func(kind string) (context.CancelFunc, <-chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := c.Enqueue(ctx, raw(kind))
			result <- err
		}()
		return cancel, result
	}
	cancelSent, sent := enqueue("sent")
	<-arrived
	cancelWaiting, waiting := enqueue("waiting")
	_, other := enqueue("other")
	eventually(t, "two calls wait", func() bool { return client.Waiting(c) == 2 })
	cancelSent()
	cancelWaiting()
	if err := <-sent; !errors.Is(err, client.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("on its way: got %v, want ErrUnknownOutcome and context.Canceled", err)
	}
	if err := <-waiting; errors.Is(err, client.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("not sent: got %v, want context.Canceled only", err)
	}
	close(release)
	if err := <-other; err != nil {
		t.Errorf("the other call: %v", err)
	}
	if n := f.count("waiting"); n != 0 {
		t.Errorf("a task was sent whose caller had gone away")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Enqueue(cancelled, raw("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

// Close lets calls fail that it cuts off.
func TestEnqueueClose(t *testing.T) {
	f := startFake(t)
	arrived := make(chan struct{}, 1)
	f.before = func(*rowlockv1.EnqueueRequest) error {
		select {
		case arrived <- struct{}{}:
		default:
		}
		return status.Error(codes.Unavailable, "lost")
	}
	c, err := client.New(client.Config{Addrs: []string{f.addr}})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := c.Enqueue(t.Context(), raw("a"))
		result <- err
	}()
	<-arrived
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-result; !errors.Is(err, client.ErrClosed) || !errors.Is(err, client.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrClosed and ErrUnknownOutcome", err)
	}
	if _, err := c.Enqueue(t.Context(), raw("b")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := c.Get(t.Context(), "x"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Get after Close: %v", err)
	}
}

// A conflict names the task that is there.
func TestEnqueueConflict(t *testing.T) {
	f := startFake(t)
	f.before = func(*rowlockv1.EnqueueRequest) error {
		return refusal(codes.AlreadyExists, "unique_taken", "task_id", "there")
	}
	c := newClient(t, client.Config{Addrs: []string{f.addr}})
	_, err := c.Enqueue(t.Context(), raw("a"), client.Unique("k"))
	var e *client.Error
	if !errors.Is(err, client.ErrConflict) || !errors.As(err, &e) || e.ExistingID != "there" {
		t.Errorf("got %v", err)
	}
}
