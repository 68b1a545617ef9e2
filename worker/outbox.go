package worker

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// A message carries at most this much, more or less.
const (
	maxMessageItems = 2_000
	maxMessageBytes = 1 << 20
)

// outbox is what there is to send. It belongs to the ledger, and its mutex guards it.
type outbox struct {
	outcomes   []*lease
	begun      []*lease // started, which the servers weren't told yet
	progressed []*lease
	stated     int // capacity that was stated last on this stream; -1: none
}

// fill moves what there is to send into a message, and reports whether there is anything in it. What an earlier call
// filled in must have been sent.
func (g *ledger) fill(m *rowlockv1.WorkRequest) bool {
	m.Outcomes, m.Started, m.Progress, m.Capacity = m.Outcomes[:0], m.Started[:0], m.Progress[:0], nil
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fillOutcomes(m)
	for _, l := range g.out.begun {
		if l.state == leaseRunning && !l.started {
			l.started = true
			m.Started = append(m.Started, l.task.Token)
		}
	}
	g.out.begun = emptied(g.out.begun)
	for _, l := range g.out.progressed {
		if l.state == leaseRunning && l.progress {
			m.Progress = append(m.Progress, &rowlockv1.LeaseProgress{
				TaskId: l.task.ID, Token: l.task.Token, Percent: l.percent, Message: l.message,
			})
		}
		l.progress = false
	}
	g.out.progressed = emptied(g.out.progressed)
	if c := g.capacity(); c != g.out.stated {
		g.out.stated = c
		m.Capacity = proto.Uint32(uint32(c))
	}
	return m.Capacity != nil || len(m.Outcomes)+len(m.Started)+len(m.Progress) > 0
}

// fillOutcomes moves as many outcomes as a message takes. The caller holds mu.
func (g *ledger) fillOutcomes(m *rowlockv1.WorkRequest) {
	bytes, n := 0, 0
	for ; n < len(g.out.outcomes) && n < maxMessageItems && bytes < maxMessageBytes; n++ {
		l := g.out.outcomes[n]
		m.Outcomes = append(m.Outcomes, &l.outcome)
		bytes += len(l.outcome.GetCompleted()) + len(l.outcome.GetFailed().GetMessage())
	}
	rest := copy(g.out.outcomes, g.out.outcomes[n:])
	clear(g.out.outcomes[rest:])
	g.out.outcomes = g.out.outcomes[:rest]
	if rest > 0 {
		g.nudge()
	}
}

// emptied keeps a slice's memory for what comes next.
func emptied(s []*lease) []*lease {
	clear(s)
	return s[:0]
}

// capacity is how many leases the worker is ready to hold. Handlers whose lease is gone are not there for others. The
// caller holds mu.
func (g *ledger) capacity() int {
	if g.drained {
		return 0
	}
	return g.crew.pace.concurrency - g.crew.stray + g.crew.pace.prefetch()
}

// list returns the digest of all leases and their list.
func (g *ledger) list() (uint64, []*rowlockv1.HeldLease) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make([]*rowlockv1.HeldLease, 0, len(g.leases))
	for _, l := range g.sorted() {
		held = append(held, l.held())
	}
	return g.digest, held
}

// sum returns the digest of all leases.
func (g *ledger) sum() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.digest
}

// reattach prepares the ledger for a new stream, on which everything is sent again that wasn't acknowledged. In a fresh
// session, the leases that haven't ended are lost.
func (g *ledger) reattach(fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.outcomes, g.out.begun, g.out.stated = emptied(g.out.outcomes), emptied(g.out.begun), -1
	lost := 0
	for _, l := range g.sorted() {
		switch {
		case l.state == leaseEnded:
			g.out.outcomes = append(g.out.outcomes, l)
		case fresh:
			g.lose(l, ErrLeaseLost)
			lost++
		case l.state == leaseRunning:
			l.started = false
			g.out.begun = append(g.out.begun, l)
		}
	}
	if lost > 0 {
		g.logger.Warn("the session was gone, and its leases with it", "leases", lost)
	}
	g.nudge()
}

// expire cancels all handlers, and gives back what waits for one: the session's time to live has passed without an
// answer from the servers. They may see it otherwise, so that the leases stay until they say.
func (g *ledger) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.leases) == 0 {
		return
	}
	g.logger.Warn("no answer to heartbeats for the session's time to live: the leases are taken to be lost",
		"running", g.crew.busy, "waiting", g.queue.len())
	g.giveBack()
	for _, l := range g.leases {
		if l.state == leaseRunning {
			g.stats.Lost++
			l.cancel(ErrLeaseLost)
		}
	}
}

// giveBack releases the tasks that wait for a handler. The caller holds mu.
func (g *ledger) giveBack() {
	for g.queue.len() > 0 {
		if l := g.queue.pop(); l.state == leaseQueued {
			g.stats.Released++
			g.settle(l, Outcome{Kind: Released})
		}
	}
	g.nudge()
}

// relieve gives tasks back that have waited for a handler for too long, while they could run elsewhere.
func (g *ledger) relieve(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.queue.front(); l != nil && now.Sub(l.received) > stalled {
		g.crew.pace.stall()
		g.giveBack()
	}
}
