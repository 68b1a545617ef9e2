package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/worker"
)

// The load's queues.
const (
	plainQueue    = "plain"    // for workers that speak the unary calls
	streamQueue   = "stream"   // for the worker of the SDK; nothing there fails
	mixQueue      = "mix"      // workflows and batches, in which tasks fail
	limitedQueue  = "limited"  // with a limit of running tasks
	callbackQueue = "callback" // of batches
	tickQueue     = "tick"     // of the schedule
)

const (
	limitedRunning = 3 // tasks of the limited queue at a time
	unaryWorkers   = 3
	plainProducers = 3
	scheduleName   = "second"
)

// numbered is the payload of a task: each number is enqueued by one call, which the client may repeat.
type numbered struct {
	Producer string `json:"producer"`
	Number   int    `json:"number"`
}

func (numbered) Kind() string { return "numbered" }

// load is what enqueues and works. Producers end before workers.
type load struct {
	*run
	clients   []*client.Client
	produce   context.Context
	stop      context.CancelFunc // of producers
	work      context.Context
	leave     context.CancelFunc // of workers
	producers sync.WaitGroup
	workers   sync.WaitGroup
}

// startLoad sets the queues and the schedule up and starts producers and workers.
func (r *run) startLoad(ctx context.Context) (*load, error) {
	l := &load{run: r}
	l.work, l.leave = context.WithCancel(ctx)
	l.produce, l.stop = context.WithCancel(l.work)
	if _, err := r.client.Queues().Set(ctx, limitedQueue, client.QueueSettings{MaxRunning: limitedRunning}, "max_running"); err != nil {
		return l, err
	}
	if _, err := r.client.Schedules().Put(ctx, scheduleName, "@every 1s", client.Raw("tick", []byte(`{}`)),
		client.OnOverlap(client.OverlapAllow), client.TaskOptions(client.Queue(tickQueue))); err != nil {
		return l, err
	}
	for p := range plainProducers {
		if err := l.producer(p, fmt.Sprintf("p%d", p), []string{plainQueue, streamQueue, limitedQueue}[p%3], 10*time.Millisecond); err != nil {
			return l, err
		}
	}
	c, err := l.connect(size)
	if err != nil {
		return l, err
	}
	l.producers.Go(func() { l.mix(c) })
	for range unaryWorkers {
		l.workers.Go(func() {
			for l.work.Err() == nil {
				l.unary()
			}
		})
	}
	return l, l.startWorker()
}

// connect makes a client of the load's, whose first address is that of a member.
func (l *load) connect(first int) (*client.Client, error) {
	c, err := client.New(client.Config{Addrs: l.group.api(first), RetryFor: 8 * time.Second})
	if err == nil {
		l.clients = append(l.clients, c)
	}
	return c, err
}

// end stops what is left and waits for it.
func (l *load) end() {
	l.stop()
	l.leave()
	l.producers.Wait()
	l.workers.Wait()
	for _, c := range l.clients {
		_ = c.Close() // the servers may be gone
	}
}

// producer starts one that waits for one answer after the other. A call without an answer acknowledges nothing, and its task may or
// may not be there.
func (l *load) producer(first int, name, queue string, gap time.Duration) error {
	c, err := l.connect(first)
	if err != nil {
		return err
	}
	l.producers.Go(func() {
		for n := 0; l.produce.Err() == nil; n++ {
			began, epoch := time.Now(), l.ledger.epoch()
			receipt, err := c.Enqueue(l.produce, numbered{name, n}, client.Queue(queue), client.MaxWorkerDeaths(100))
			if err != nil {
				l.failed("enqueue", err)
			} else if err := l.ledger.accept(receipt.ID, queue, true, began, epoch); err != nil {
				l.breach(err)
			}
			pause(l.produce, gap)
		}
	})
	return nil
}

// failed takes note of a call that wasn't acknowledged: it may have been unlucky, but not wrong.
func (l *load) failed(what string, err error) {
	if errors.Is(err, client.ErrInvalid) {
		l.breach(fmt.Errorf("%s: %w", what, err))
		return
	}
	l.tally.failed(what, err)
}

// unary opens a session and works in it until the servers don't know it any more, or are away. It keeps some leases: its heartbeats
// list none, so that those end after a while and the tasks are handed out again.
func (l *load) unary() {
	ctx := l.work
	api := rowlockv1.NewWorkerServiceClient(l.client.Conn())
	session, err := api.OpenSession(ctx, &rowlockv1.OpenSessionRequest{Worker: &rowlockv1.WorkerInfo{
		WorkerId: "unary", Queues: []*rowlockv1.QueueWeight{{Queue: plainQueue}},
	}})
	if err != nil {
		pause(ctx, 50*time.Millisecond)
		return
	}
	for ctx.Err() == nil {
		if _, err := api.Heartbeat(ctx, &rowlockv1.HeartbeatRequest{SessionId: session.GetSessionId()}); err != nil {
			return
		}
		began := time.Now()
		leased, err := api.Lease(ctx, &rowlockv1.LeaseRequest{SessionId: session.GetSessionId(), MaxTasks: 10, WaitSeconds: 0.5})
		if err != nil {
			return
		}
		for _, task := range leased.GetTasks() {
			l.one(ctx, api, task.GetId(), task.GetToken(), began)
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// one does one task of a unary worker, which was leased by a call that began at a time.
func (l *load) one(ctx context.Context, api rowlockv1.WorkerServiceClient, id string, token uint64, leased time.Time) {
	if err := l.ledger.lease(id, token, leased); err != nil {
		l.breach(err)
		return
	}
	if kept, ok := l.ledger.overtaken(id, token, leased); ok {
		l.refused(ctx, api, kept)
	}
	if l.produce.Err() == nil && rand.IntN(20) == 0 && l.ledger.hold(id, token) {
		return
	}
	began, epoch := time.Now(), l.ledger.epoch()
	if _, err := api.Complete(ctx, &rowlockv1.CompleteRequest{TaskId: id, Token: token, Result: []byte("done")}); err == nil {
		l.ledger.complete(id, began, epoch)
	}
}

// refused tries the outcome of a lease that is over, which must not be taken.
func (r *run) refused(ctx context.Context, api rowlockv1.WorkerServiceClient, kept lease) {
	_, err := api.Complete(ctx, &rowlockv1.CompleteRequest{TaskId: kept.id, Token: kept.token, Result: []byte("stale")})
	if err == nil {
		r.breach(fmt.Errorf("task %s: an outcome under token %d of %s was taken, and a newer one had been given out, or a restore been in between",
			kept.id, kept.token, kept.at.Format(clock)))
		return
	}
	r.tally.add("stale outcomes refused")
}

// startWorker starts the worker of the SDK. What it makes of a task is a function of the task's ID and attempt.
func (l *load) startWorker() error {
	c, err := l.connect(1)
	if err != nil {
		return err
	}
	w, err := worker.New(c, worker.Config{
		Queues: map[string]int{streamQueue: 4, mixQueue: 4, limitedQueue: 2, callbackQueue: 1, tickQueue: 1}, Concurrency: 8, Name: "sdk", GracePeriod: 5 * time.Second,
	})
	if err != nil {
		return err
	}
	for _, kind := range []string{numbered{}.Kind(), "callback", "tick"} {
		w.HandleFunc(kind, func(_ context.Context, t *worker.RawTask) error { return t.SetResult("done") })
	}
	w.HandleFunc("step", func(ctx context.Context, t *worker.RawTask) error {
		switch crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d", t.ID, t.Attempt)) % 16 {
		case 0, 1:
			return errors.New("not this time")
		case 2:
			return worker.Permanent(errors.New("never"))
		case 3:
			pause(ctx, time.Second) // a change of the leader finds it running
		}
		return t.SetResult("done")
	})
	l.workers.Go(func() {
		if err := w.Run(l.work); err != nil && l.work.Err() == nil {
			l.breach(fmt.Errorf("the worker of the SDK has ended: %w", err))
		}
	})
	return nil
}
