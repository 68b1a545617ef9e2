package client

import (
	"context"
	"runtime"
	"sync"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// producer sends tasks in batches. While one is on its way, the calls that come fill the next. It leaves when the answer
// to the one before is there, or at once when it is worth a request of its own: the servers write what comes together
// with one fsync, so that small requests side by side would only wait for each other.
type producer struct {
	config   Config
	pool     *pool
	sessions sessions
	ctx      context.Context // of the senders
	cancel   context.CancelFunc
	senders  sync.WaitGroup

	mu      sync.Mutex // guards what follows, and the batches
	queue   []*batch   // oldest first; the last may still grow
	work    sync.Cond  // there is something in the queue, or closed
	idle    int        // senders that wait
	sending int        // senders on whose batch an answer is awaited
	trouble *Error     // of the last attempt; nil: it went well
	started bool
	closed  bool
}

func newProducer(config Config, pool *pool) *producer {
	p := &producer{config: config, pool: pool, sessions: sessions{name: config.Name, pool: pool}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.work.L = &p.mu
	return p
}

// close lets the calls that wait fail, and waits for the senders.
func (p *producer) close() {
	p.mu.Lock()
	p.closed = true
	for _, b := range p.queue {
		b.receipts = make([]Receipt, len(b.tasks))
		fill(b.receipts, ErrClosed)
		close(b.done)
	}
	p.queue = nil
	p.work.Broadcast()
	p.mu.Unlock()
	p.cancel()
	p.senders.Wait()
}

// place is where a task is in a batch.
type place struct {
	batch *batch
	index int
}

// add puts tasks into batches, and says where through the callback.
func (p *producer) add(tasks []*rowlockv1.NewTask, placed func(place)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.start()
	for _, t := range tasks {
		placed(p.addOne(t))
	}
	return nil
}

// addOne puts a task into the batch that fills. The caller holds mu.
func (p *producer) addOne(t *rowlockv1.NewTask) place {
	size := sizeOf(t)
	before := p.ready()
	var last *batch
	if n := len(p.queue); n > 0 {
		last = p.queue[n-1]
	}
	if last == nil || !last.takes(size) {
		last = newBatch()
		p.queue = append(p.queue, last)
	}
	index := last.add(t, size)
	if !before && p.idle > 0 && p.ready() {
		p.work.Signal()
	}
	return place{last, index}
}

// ready reports whether a batch is to leave now. The caller holds mu.
func (p *producer) ready() bool {
	switch len(p.queue) {
	case 0:
		return false
	case 1:
		return p.sending == 0 || p.queue[0].large()
	}
	return true // all but the last are full
}

// start starts the senders with the first task, so that a client which enqueues nothing has none. The caller holds mu.
func (p *producer) start() {
	if p.started {
		return
	}
	p.started = true
	for range p.config.InFlight {
		p.senders.Go(p.send)
	}
}

// abandon takes a task back whose caller doesn't wait any longer: nobody will send it. It reports false when it is too
// late for that, else what keeps the servers from being reached, if anything does.
func (p *producer) abandon(at place) (trouble *Error, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.batch.away {
		return nil, false
	}
	at.batch.tasks[at.index] = nil
	return p.trouble, true
}

// send is a sender: it takes batches and delivers them until the producer is closed.
func (p *producer) send() {
	for {
		b := p.take()
		if b == nil {
			return
		}
		b.receipts = make([]Receipt, len(b.tasks))
		p.deliver(b, b.tasks, b.receipts)
		p.mu.Lock()
		p.sending--
		p.mu.Unlock()
		close(b.done)
	}
}

// take waits for a batch; nil means that the producer is closed.
func (p *producer) take() *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	for yielded := false; ; {
		switch {
		case p.closed:
			return nil
		case !p.ready():
			p.idle++
			p.work.Wait()
			p.idle--
		case !yielded:
			// The callers that the last answer woke are about to call again: let them join this batch.
			yielded = true
			p.mu.Unlock()
			runtime.Gosched()
			p.mu.Lock()
		default:
			b := p.queue[0]
			p.queue[0] = nil
			p.queue = p.queue[1:]
			p.sending++
			if p.idle > 0 && p.ready() {
				p.work.Signal()
			}
			return b
		}
	}
}
