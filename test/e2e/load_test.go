package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// The load's tasks are in two queues: one for workers that speak the unary calls, one for a Worker of the SDK.
const (
	loadQueue   = "load"
	streamQueue = "stream"
)

// numbered is the payload of a task of the load: each number is enqueued by one call, which the client may repeat.
type numbered struct {
	Producer int `json:"producer"`
	Number   int `json:"number"`
}

func (numbered) Kind() string { return "numbered" }

// load enqueues and completes tasks, without pause, and keeps the ledger.
type load struct {
	*ledger
	client *client.Client
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

// startLoad starts producers, each of which waits for one answer after the other, workers that speak the unary calls, and
// a Worker of the SDK. They go on through the server's deaths until the load is stopped.
func startLoad(t *testing.T, c *client.Client, l *ledger, producers, workers int) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	running := &load{ledger: l, client: c, stop: cancel}
	for producer := range producers {
		running.wait.Go(func() { running.produce(ctx, producer) })
	}
	for range workers {
		running.wait.Go(func() {
			for ctx.Err() == nil {
				running.work(ctx)
			}
		})
	}
	w, err := worker.New(c, worker.Config{Queues: map[string]int{streamQueue: 1}, Concurrency: 4})
	if err != nil {
		t.Fatal(err)
	}
	worker.Handle(w, func(_ context.Context, task *worker.Task[numbered]) error {
		l.lease(task.ID)
		return task.SetResult("done")
	})
	running.wait.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("the worker of the SDK: %v", err)
		}
	})
	t.Cleanup(running.end)
	return running
}

// end stops the load and waits for its goroutines.
func (l *load) end() {
	l.stop()
	l.wait.Wait()
}

// produce enqueues numbered tasks. A call without an answer is not acknowledged, and its task may or may not exist.
func (l *load) produce(ctx context.Context, producer int) {
	for n := 0; ctx.Err() == nil; n++ {
		queue := loadQueue
		if producer%2 == 1 {
			queue = streamQueue
		}
		receipt, err := l.client.Enqueue(ctx, numbered{producer, n}, client.Queue(queue), client.MaxWorkerDeaths(100))
		if err == nil {
			l.accept(receipt.ID)
		}
		// A steady trickle rather than a flood: what counts is how often the server dies, not what it can take.
		pause(ctx, time.Millisecond)
	}
}

// work opens a session and works in it until the server doesn't know it any more, or is away.
func (l *load) work(ctx context.Context) {
	api := rowlockv1.NewWorkerServiceClient(l.client.Conn())
	session, err := api.OpenSession(ctx, &rowlockv1.OpenSessionRequest{Worker: &rowlockv1.WorkerInfo{
		WorkerId: "load", Queues: []*rowlockv1.QueueWeight{{Queue: loadQueue}},
	}})
	if err != nil {
		pause(ctx, 50*time.Millisecond)
		return
	}
	for ctx.Err() == nil {
		// Nothing is held between two rounds: leases whose answer was lost on its way come back to the queue by this.
		if _, err := api.Heartbeat(ctx, &rowlockv1.HeartbeatRequest{SessionId: session.GetSessionId()}); err != nil {
			return
		}
		leased, err := api.Lease(ctx, &rowlockv1.LeaseRequest{SessionId: session.GetSessionId(), MaxTasks: 10, WaitSeconds: 0.5})
		if err != nil {
			return
		}
		for _, task := range leased.GetTasks() {
			l.lease(task.GetId())
			_, err := api.Complete(ctx, &rowlockv1.CompleteRequest{TaskId: task.GetId(), Token: task.GetToken(), Result: []byte("done")})
			if err == nil {
				l.complete(task.GetId())
			}
		}
	}
}

// pause waits; it ends early with the context.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// checkNoDoubles checks that no call, repeated or not, made two tasks. Call it when the load has ended.
func checkNoDoubles(t *testing.T, c *client.Client) {
	t.Helper()
	first := map[numbered]string{}
	for _, query := range []client.Query{
		{Queue: loadQueue}, {Queue: loadQueue, States: []client.State{client.Completed}},
		{Queue: streamQueue}, {Queue: streamQueue, States: []client.State{client.Completed}},
	} {
		query.PageSize = 1000
		for task, err := range c.List(limited(t), query) {
			if err != nil {
				t.Fatal(err)
			}
			var n numbered
			if err := task.DecodeArgs(&n); err != nil {
				t.Fatal(err)
			}
			if other, ok := first[n]; ok && other != task.ID {
				t.Errorf("one call to enqueue %+v made two tasks, %s and %s", n, other, task.ID)
			}
			first[n] = task.ID
		}
	}
	if len(first) == 0 {
		t.Error("no task was found")
	}
}
