package worker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// ledger has all leases of a worker, from their arrival until their outcome is acknowledged or the servers took them
// away. Handlers take tasks from it and leave outcomes in it; the link carries both.
//
// Invariants: digest is the XOR of leaseDigest over leases. A lease in queue is queued, or gone. A running lease that
// is gone is not in leases, but counts as stray until its handler returns.
type ledger struct {
	logger *slog.Logger
	wake   chan<- struct{} // tells the link that there is something to send; never blocks

	mu     sync.Mutex // guards what follows, and the leases
	leases map[uint64]*lease
	digest uint64

	queue fifo      // waits for handlers
	work  sync.Cond // there is something in the queue, or closed
	crew  crew
	out   outbox
	stats Stats

	drained bool      // takes no more tasks
	closed  bool      // handlers return
	cutOff  bool      // there will be no connection any more
	change  sync.Cond // something ended, after drain
}

// maxLoggedError is how many bytes of an error's first line are logged.
const maxLoggedError = 512

// crew counts the handlers.
type crew struct {
	idle  int // wait for a task
	busy  int // run one
	stray int // of these, whose lease is gone
	pace  pace
}

func newLedger(config Config, wake chan<- struct{}) *ledger {
	g := &ledger{
		logger: config.Logger,
		wake:   wake,
		leases: make(map[uint64]*lease),
		crew:   crew{pace: pace{concurrency: config.Concurrency, fixed: config.Prefetch}},
		out:    outbox{stated: -1},
	}
	g.work.L, g.change.L = &g.mu, &g.mu
	return g
}

// nudge tells the link that there is something to send.
func (g *ledger) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// receive takes in tasks that the servers sent.
func (g *ledger) receive(tasks []*rowlockv1.LeasedTask, now time.Time) {
	if len(tasks) == 0 {
		return
	}
	fresh := make([]lease, len(tasks))
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, p := range tasks {
		if _, ok := g.leases[p.GetToken()]; ok {
			continue // sent again
		}
		l := &fresh[i]
		l.task.fill(p)
		l.task.sink = g
		l.received = now
		g.leases[l.task.Token] = l
		g.digest ^= leaseDigest(l.task.Token)
		if g.drained || g.queue.len() >= maxHeld {
			g.settle(l, Outcome{Kind: Released})
			continue
		}
		g.queue.push(l)
	}
	for range min(g.crew.idle, g.queue.len()) {
		g.work.Signal()
	}
	if g.drained {
		g.nudge()
	}
}

// take waits for a task to run; nil: the worker is closed. cancel is that of the context that the handler will have.
func (g *ledger) take(cancel context.CancelCauseFunc) *lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for g.queue.len() == 0 && !g.closed {
			g.crew.idle++
			g.work.Wait()
			g.crew.idle--
		}
		if g.closed {
			return nil
		}
		l := g.queue.pop()
		if l.state != leaseQueued {
			continue
		}
		l.state, l.cancel = leaseRunning, cancel
		g.crew.busy++
		g.out.begun = append(g.out.begun, l)
		g.nudge()
		return l
	}
}

// finish takes the outcome of a handler that returned, and logs it if it is a failure.
func (g *ledger) finish(l *lease, o Outcome, took time.Duration) {
	if g.end(l, o, took) && (o.Kind == Failed || o.Kind == FailedForGood) {
		t := &l.task
		forGood := o.Kind == FailedForGood || (t.MaxAttempts > 0 && t.Attempt >= t.MaxAttempts)
		g.about(l, o.Err.Error()).Warn("a task failed", "for_good", forGood)
	}
}

// about is a logger for what went wrong with a task.
func (g *ledger) about(l *lease, message string) *slog.Logger {
	first, _, _ := strings.Cut(message, "\n")
	return g.logger.With("task", l.task.ID, "kind", l.task.Kind, "attempt", l.task.Attempt, "token", l.task.Token,
		"error", clip(first, maxLoggedError))
}

// end takes the outcome of a handler that returned, and reports whether the lease was still held.
func (g *ledger) end(l *lease, o Outcome, took time.Duration) (held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.crew.busy--
	g.crew.pace.observe(took)
	switch l.state {
	case leaseRunning:
		held = true
		g.count(o.Kind)
		g.settle(l, o)
	case leaseGone:
		g.crew.stray--
		if errors.Is(l.cause, ErrLeaseLost) {
			g.stats.Refused++
			g.logger.Warn("the outcome of a task whose lease is gone is dropped",
				"task", l.task.ID, "token", l.task.Token, "outcome", o.Kind.String())
		}
	}
	g.nudge()
	if g.drained {
		g.change.Broadcast()
	}
	return held
}

// settle gives a lease its outcome. The caller holds mu.
func (g *ledger) settle(l *lease, o Outcome) {
	l.end(o)
	g.out.outcomes = append(g.out.outcomes, l)
}

// count counts an outcome of a handler. The caller holds mu.
func (g *ledger) count(k OutcomeKind) {
	switch k {
	case Completed:
		g.stats.Completed++
	case Failed, FailedForGood:
		g.stats.Failed++
	case Snoozed:
		g.stats.Snoozed++
	case Released:
		g.stats.Released++
	}
}

// note keeps a sign of progress until it is sent.
func (g *ledger) note(t *RawTask, percent int, message string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.leases[t.Token]
	if !ok || l.state != leaseRunning {
		return
	}
	l.percent, l.message = uint32(percent), message
	if !l.progress {
		l.progress = true
		g.out.progressed = append(g.out.progressed, l)
	}
	g.nudge()
}

// drop takes a lease out of the ledger. The caller holds mu.
func (g *ledger) drop(l *lease) {
	delete(g.leases, l.task.Token)
	g.digest ^= leaseDigest(l.task.Token)
}

// acknowledge takes in which outcomes are durable.
func (g *ledger) acknowledge(tokens []uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, token := range tokens {
		if l, ok := g.leases[token]; ok && l.state == leaseEnded {
			g.drop(l)
		}
	}
	if g.drained {
		g.change.Broadcast()
	}
}

// refuse takes in which outcomes were not accepted.
func (g *ledger) refuse(refusals []*rowlockv1.Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range refusals {
		l, ok := g.leases[r.GetToken()]
		if !ok || l.state != leaseEnded {
			continue
		}
		switch codes.Code(r.GetStatus().GetCode()) {
		case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.DeadlineExceeded:
			g.out.outcomes = append(g.out.outcomes, l) // goes with the next message, after a glance at the latest
			continue
		case codes.InvalidArgument:
			if !l.reworded {
				l.reworded = true
				g.about(l, r.GetStatus().GetMessage()).Warn("an outcome was refused: the task fails for good")
				g.settle(l, Outcome{Kind: FailedForGood, Err: statusError(r.GetStatus().GetMessage())})
				g.nudge()
				continue
			}
		}
		g.drop(l)
		g.stats.Refused++
		g.about(l, r.GetStatus().GetMessage()).Warn("an outcome was refused")
	}
	if g.drained {
		g.change.Broadcast()
	}
}

// statusError is an error with a server's message.
type statusError string

func (e statusError) Error() string { return string(e) }

// revoke takes in leases that ended before their outcome. An outcome that is on its way gets an answer of its own.
func (g *ledger) revoke(revocations []*rowlockv1.Revocation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range revocations {
		l, ok := g.leases[r.GetToken()]
		if !ok || l.state == leaseEnded {
			continue
		}
		g.logger.Info("a lease ended", "task", l.task.ID, "token", l.task.Token, "reason", r.GetReason())
		g.lose(l, causeOf(r.GetReason()))
	}
}

// causeOf is the cause for which a handler's context is cancelled.
func causeOf(reason string) error {
	switch reason {
	case "cancelled":
		return ErrCancelled
	case "timeout":
		return ErrTimeout
	}
	return ErrLeaseLost
}

// lose takes a lease away that hasn't ended. The caller holds mu.
func (g *ledger) lose(l *lease, cause error) {
	g.drop(l)
	if errors.Is(cause, ErrLeaseLost) {
		g.stats.Lost++
	}
	running := l.state == leaseRunning
	l.state, l.cause = leaseGone, cause
	if !running {
		return
	}
	g.crew.stray++
	l.cancel(cause)
	g.nudge() // one handler less for others
}

// sorted returns the leases in the order of their tokens. The caller holds mu.
func (g *ledger) sorted() []*lease {
	all := make([]*lease, 0, len(g.leases))
	for _, l := range g.leases {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lease) int { return cmp.Compare(a.task.Token, b.task.Token) })
	return all
}
