package raftfsm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

const (
	// notifyBuffer is how many changes of leadership raft can tell before it would block; they are taken at once.
	notifyBuffer = 64
	// barrierTimeout is how long a new leader may take to execute what came before it.
	barrierTimeout = time.Minute
)

// leadership runs what only the leader has: it begins when everything from before this term has been executed, and ends
// as soon as raft says so.
type leadership struct {
	raft     *raft.Raft
	replica  *replica
	proposer *proposer
	clock    *clock
	ticker   *ticker
	firing   *ticker // of schedules
	sessions *Sessions
	judge    *judge
	leveler  *leveler
	operator *operator
	archiver *archiver // nil: the log isn't archived
	lease    *leaderLease
	fatal    *fatal
	logger   *slog.Logger
	stepDown func() // hands leadership to another member
	pilot    func(ctx context.Context)

	notify chan bool // raft's; drained always
	first  chan struct{}
	once   sync.Once // closes first when this member has begun to lead

	serves     atomic.Bool
	dispatcher atomic.Pointer[Dispatcher]

	mu     sync.Mutex // guards the rest, and the order of calls of Dispatcher.Leadership
	active bool
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// serving reports whether this member leads and has executed everything from before its term.
func (l *leadership) serving() bool { return l.serves.Load() }

// helper is the dispatcher while this member leads.
func (l *leadership) helper() Dispatcher {
	if d := l.dispatcher.Load(); d != nil && l.serves.Load() {
		return *d
	}
	return nil
}

// attach sets the dispatcher, and tells it if this member leads already.
func (l *leadership) attach(d Dispatcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatcher.Store(&d)
	if l.active {
		d.Leadership(true)
	}
}

// applied takes note of an entry while this member leads, and returns the dispatcher, which is told after the callers.
func (l *leadership) applied(b *batch, out *applied) Dispatcher {
	if !l.serves.Load() {
		return nil
	}
	l.ticker.due(out.next, out.timer)
	l.firing.due(out.nextSchedule, out.schedule)
	l.operator.note(out.newest)
	l.sessions.applied(b, out)
	return l.helper()
}

// run follows what raft says, until ctx is done.
func (l *leadership) run(ctx context.Context) {
	changes := make(chan bool, 1)
	var wg sync.WaitGroup
	wg.Go(func() { l.drain(ctx, changes) })
	for leads := range changes {
		l.end()
		if leads {
			l.begin(ctx)
		}
	}
	l.end()
	wg.Wait()
}

// drain takes raft's news at once, as raft stands still while nobody does, and passes them on in order. Those of a
// leadership that has ended already are of no use, and are left out.
func (l *leadership) drain(ctx context.Context, changes chan<- bool) {
	defer close(changes)
	var news []bool
	for {
		var out chan<- bool
		var next bool
		if len(news) > 0 {
			out, next = changes, news[0]
		}
		select {
		case <-ctx.Done():
			l.serves.Store(false)
			return
		case leads := <-l.notify:
			if !leads {
				l.serves.Store(false)
				news = news[:0]
			}
			news = append(news, leads)
		case out <- next:
			news = news[1:]
		}
	}
}

// begin executes what came before this term, rebuilds what a leader has, and begins to serve.
func (l *leadership) begin(ctx context.Context) {
	start := time.Now()
	if err := l.barrier(ctx); err != nil {
		if lost(err) || ctx.Err() != nil {
			return
		}
		l.logger.Error("can't begin to lead", "error", err)
		l.stepDown()
		if l.raft.State() == raft.Leader {
			l.fatal.fail("begin to lead", err)
		}
		return
	}
	term := l.raft.CurrentTerm()
	if l.raft.State() != raft.Leader {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, l.stop = context.WithCancel(ctx)
	l.replica.read(func(m *task.Machine) {
		l.clock.start(m.Now())
		l.ticker.due(m.NextTimer())
		l.firing.due(m.NextSchedule())
	})
	l.sessions.lead(term)
	l.active = true
	if d := l.dispatcher.Load(); d != nil {
		(*d).Leadership(true)
	}
	l.serves.Store(true)
	l.proposer.open()
	l.leveler.raise() // nobody else's consent is needed in a group of one
	l.wg.Go(func() { l.lease.keep(ctx) })
	l.wg.Go(func() { l.ticker.run(ctx) })
	l.wg.Go(func() { l.firing.run(ctx) })
	l.wg.Go(func() { l.sessions.run(ctx) })
	l.wg.Go(func() { l.pilot(ctx) })
	l.wg.Go(func() { l.judge.run(ctx) })
	l.wg.Go(func() { l.leveler.run(ctx) })
	l.wg.Go(func() { l.operator.run(ctx) })
	l.wg.Go(func() { l.remind(ctx) })
	if l.archiver != nil {
		l.wg.Go(func() { l.archiver.run(ctx) })
	}
	l.once.Do(func() { close(l.first) })
	l.logger.Info("leading", "term", term, "index", l.replica.applied.index.Load(), "after", time.Since(start))
}

// end stops what only the leader has.
func (l *leadership) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serves.Store(false)
	if !l.active {
		return
	}
	l.active = false
	l.proposer.close(l.proposer.closed())
	l.stop()
	l.lease.drop()
	l.wg.Wait()
	l.sessions.follow()
	if d := l.dispatcher.Load(); d != nil {
		(*d).Leadership(false)
	}
	l.logger.Info("no longer leading")
}

// replaced tells that the state was replaced by an installed one.
func (l *leadership) replaced() {
	l.replica.read(func(m *task.Machine) {
		l.ticker.due(m.NextTimer())
		l.firing.due(m.NextSchedule())
	})
}

// barrier returns when all entries up to now have been executed, and notes raft's own among them, which the machine
// doesn't see.
func (l *leadership) barrier(ctx context.Context) error {
	f := l.raft.Barrier(barrierTimeout)
	answered := make(chan error, 1)
	go func() { answered <- f.Error() }() // raft answers, unless it is being shut down
	select {
	case err := <-answered:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(barrierTimeout):
		return errors.New("the entries from before this term aren't executed")
	}
	if i, ok := f.(raft.IndexFuture); ok {
		l.replica.applied.advance(i.Index())
	}
	return nil
}

// lost reports whether raft's error means that leadership is over.
func lost(err error) bool {
	return errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipLost) ||
		errors.Is(err, raft.ErrRaftShutdown) || errors.Is(err, raft.ErrLeadershipTransferInProgress)
}
