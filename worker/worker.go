package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Worker takes tasks from the servers and runs their handlers.
type Worker struct {
	config     Config
	service    rowlockv1.WorkerServiceClient
	handlers   handlers
	middleware []Middleware

	ran      atomic.Bool
	ledger   *ledger
	heart    heart
	wake     chan struct{} // there is something to send
	welcomed chan struct{} // the session's time to live has changed
	ready    chan struct{} // closed with the first session
	greeted  sync.Once     // for ready
	leave    chan struct{} // closed to say goodbye
	drained  chan struct{} // closed when an operator drains the worker
	told     sync.Once     // for drained
	pool     sync.WaitGroup
}

// New makes a Worker. Register handlers, then call Run.
func New(c *client.Client, config Config) (*Worker, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Worker{
		config:   config,
		service:  rowlockv1.NewWorkerServiceClient(c.Conn()),
		handlers: make(handlers),
		wake:     make(chan struct{}, 1),
		welcomed: make(chan struct{}, 1),
		ready:    make(chan struct{}),
		leave:    make(chan struct{}),
		drained:  make(chan struct{}),
	}
	w.ledger = newLedger(config, w.wake)
	return w, nil
}

// Ready is closed when the servers know the Worker.
func (w *Worker) Ready() <-chan struct{} { return w.ready }

func (w *Worker) isReady() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

// Name is what operators see as the worker_id.
func (w *Worker) Name() string { return w.config.Name }

// Run takes tasks and runs them until ctx is done, and then stops in an orderly way: it takes no more, gives back the
// tasks that wait here, lets running handlers go on for the grace period, then cancels them with ErrShutdown and gives
// their tasks back too, without burning attempts. It returns nil when every outcome is durable.
//
// It returns an error at once if the servers refuse the Worker. A Worker runs once.
//
// If an operator drains the Worker, it stops in the same way but for the running handlers, which may take their time until ctx
// is done, and returns ErrDrained.
func (w *Worker) Run(ctx context.Context) error {
	if len(w.handlers) == 0 {
		return errors.New("worker: no handlers")
	}
	if w.ran.Swap(true) {
		return errors.New("worker: Run was called before")
	}
	base := context.WithoutCancel(ctx)
	handlers := w.handlers.wrap(w.middleware)
	for range w.config.Concurrency {
		w.pool.Go(func() { w.work(base, handlers) })
	}
	linked, unlink := context.WithCancel(base)
	var background sync.WaitGroup
	background.Go(func() { w.pulse(linked) })
	refused := make(chan error, 1)
	background.Go(func() {
		refused <- w.link().run(linked)
		w.ledger.cut()
	})

	stopping, stop := context.WithCancel(ctx)
	defer stop()
	background.Go(func() { w.finishWhenDrained(stopping, stop) })

	var err error
	select {
	case <-stopping.Done():
		err = w.drain()
		close(w.leave)
		if !w.isReady() {
			unlink() // there is nobody to say goodbye to
		}
		select {
		case end := <-refused:
			err = errors.Join(err, end)
		case <-time.After(leaveTime):
		}
	case err = <-refused:
		w.ledger.drain()
		w.ledger.cancelAll(ErrShutdown)
		w.ledger.await(stopTime, func() bool { return w.ledger.crew.busy == 0 })
	}
	stop()
	unlink()
	background.Wait()
	if w.ledger.close() {
		w.pool.Wait()
	}
	if w.isDrained() {
		err = errors.Join(ErrDrained, err)
	}
	return err
}

// link makes what keeps the worker connected.
func (w *Worker) link() *link {
	return &link{
		config:  w.config,
		service: w.service,
		info:    w.config.info(w.handlers.kinds()),
		ledger:  w.ledger,
		heart:   &w.heart,
		wake:    w.wake,
		leave:   w.leave,
		welcome: w.welcome,
		drain:   w.dismiss,
	}
}

// welcome is called after the servers have welcomed the worker, each time.
func (w *Worker) welcome() {
	w.greeted.Do(func() { close(w.ready) })
	select {
	case w.welcomed <- struct{}{}:
	default:
	}
}

// work is a handler goroutine: it runs one task after the other until the ledger is closed.
func (w *Worker) work(base context.Context, handlers handlers) {
	returned := false
	defer func() {
		if !returned { // a handler ended the goroutine
			w.pool.Go(func() { w.work(base, handlers) })
		}
	}()
	for {
		ctx, cancel := context.WithCancelCause(base)
		l := w.ledger.take(cancel)
		if l == nil {
			cancel(nil)
			returned = true
			return
		}
		w.attempt(ctx, cancel, handlers.of(l.task.Kind), l)
	}
}

// attempt runs a task.
func (w *Worker) attempt(ctx context.Context, cancel context.CancelCauseFunc, handler HandlerFunc, l *lease) {
	begin := time.Now()
	outcome := Outcome{Kind: Failed, Err: errExited} // unless the handler returns
	defer func() {
		cancel(nil)
		w.ledger.finish(l, outcome, time.Since(begin))
	}()
	if l.task.Timeout > 0 {
		// The servers end the attempt too; this is for when they can't be heard.
		timer := time.AfterFunc(l.task.Timeout, func() { cancel(ErrTimeout) })
		defer timer.Stop()
	}
	outcome = try(ctx, handler, &l.task)
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
