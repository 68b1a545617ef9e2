package rpc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rowlock/rowlock/task"
)

// dispatcher decides, while this member leads, when Lease commands are proposed and for whom. Which tasks they get is
// the machine's business: priorities, weights and kinds are its.
//
// Invariant (no wake-up is lost): for every taker with room and every pending task that it could have, one of these
// holds: a Lease command of the taker is in flight; or the taker, or the line of the task's queue, waits in dirty or
// dirtyLines, and run has been signalled. It is kept because
//   - a task becomes pending only by an entry, whose effects name its queue; Applied puts the queue's line into
//     dirtyLines after the answers of that entry have been dealt with;
//   - room appears only by an answer (of Lease or Finish) or a change of capacity, which put the taker into dirty
//     unless there is nothing left for it: that is known from an answer that was shorter than asked for, or from
//     PendingFor, read after the taker or line was taken from the dirty ones.
//
// A sweep once a second looks at everybody all the same: it tries again what failed, and what it finds overlooked is
// counted as a late wake-up, of which tests suffer none.
type dispatcher struct {
	node    Node
	log     *slog.Logger
	metrics *dispatchMetrics
	wake    chan struct{}
	// ended is told of sessions that have ended, or with nil that none is this member's any more. It must not block.
	ended func(sessions []uint64)

	mu         sync.Mutex // guards all below and the takers' counters
	leader     bool
	stopped    bool // it will not lead again
	lines      map[string]*line
	takers     map[*taker]struct{}
	streams    map[uint64]*workStream // by session
	dirty      []*taker
	dirtyLines []*line
	touched    []*taker // their count of leases changed in the entry that is being dealt with

	settling []*taker // the apply goroutine's, as counts
	counts   []int
}

const sweepEvery = time.Second

func newDispatcher(n Node, log *slog.Logger, m *dispatchMetrics, ended func([]uint64)) *dispatcher {
	return &dispatcher{
		ended: ended,
		node:  n, log: log, metrics: m, wake: make(chan struct{}, 1),
		lines: map[string]*line{}, takers: map[*taker]struct{}{}, streams: map[uint64]*workStream{},
	}
}

// run serves takers until ctx is done.
func (d *dispatcher) run(ctx context.Context) {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
			d.serve()
		case <-sweep.C:
			d.sweep()
			d.serve()
		}
	}
}

// signal makes run look at the dirty ones.
func (d *dispatcher) signal() {
	select {
	case d.wake <- struct{}{}:
	default: // it is going to look already
	}
}

// push puts a taker with room into dirty. Needs mu.
func (d *dispatcher) push(t *taker) {
	if !t.queued && t.room() > 0 {
		t.queued = true
		d.dirty = append(d.dirty, t)
	}
}

// add begins to serve a taker.
func (d *dispatcher) add(t *taker) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.leader {
		return errNotLeading
	}
	d.takers[t] = struct{}{}
	for _, q := range t.queues {
		l := d.lines[q]
		if l == nil {
			l = &line{name: q}
			d.lines[q] = l
		}
		l.takers = append(l.takers, t)
	}
	d.push(t)
	d.signal()
	return nil
}

// remove stops serving a taker. What is granted to it from now on is given back.
func (d *dispatcher) remove(t *taker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(t)
}

func (d *dispatcher) drop(t *taker) {
	t.gone = true
	if _, ok := d.takers[t]; !ok {
		return
	}
	delete(d.takers, t)
	for _, q := range t.queues {
		if l := d.lines[q]; l != nil {
			if l.remove(t); len(l.takers) == 0 {
				delete(d.lines, q)
			}
		}
	}
}

// attempt proposes a lease for a taker that isn't served yet, if there is something for it or its answer may be on
// record already.
func (d *dispatcher) attempt(t *taker) {
	c := candidate{taker: t}
	d.node.Machine(func(m *task.Machine) { c.pending = m.PendingFor(t.session) })
	if t.requestID != "" {
		c.pending = max(c.pending, uint64(t.capacity))
	}
	d.propose(d.share([]candidate{c}))
}

// retire has a taker ask for no more, and reports whether an answer is still on its way.
func (d *dispatcher) retire(t *taker) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.gone = true
	return t.flights > 0
}

// leads reports whether this member hands out leases.
func (d *dispatcher) leads() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leader
}

// setCapacity changes how many leases a taker wants to hold.
func (d *dispatcher) setCapacity(t *taker, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.capacity = n
	d.push(t)
	d.signal()
}

// setHeld sets how many leases a taker holds, until the next recount.
func (d *dispatcher) setHeld(t *taker, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.held = n
}

// relieve goes on with a taker that isn't full any more.
func (d *dispatcher) relieve(t *taker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.push(t)
	d.signal()
}

// finish proposes a worker's outcomes, and in the same entry a lease for the room that they make, if there may be
// something for it.
func (d *dispatcher) finish(t *taker, outcomes []task.Outcome, done func(task.Result, error)) {
	cs := make([]task.Command, 1, 2)
	cs[0] = &task.Finish{Outcomes: outcomes}
	d.mu.Lock()
	t.freeing += len(outcomes)
	n := 0
	if !t.starved {
		if n = max(t.room(), 0); n > 0 {
			cs = append(cs, t.ask(n))
		}
	}
	d.mu.Unlock()
	d.node.Submit(cs, true, func(rs []task.Result, err error) {
		if err != nil {
			d.finished(t, len(outcomes), 0)
			done(task.Result{}, err)
		} else {
			ended := 0
			for i := range rs[0].Items {
				if rs[0].Items[i].Code == task.OK {
					ended++
				}
			}
			d.finished(t, len(outcomes), ended)
			done(rs[0], nil)
		}
		if n > 0 {
			d.granted(t, n, resultAt(rs, 1), err)
		}
	})
}

func resultAt(rs []task.Result, i int) task.Result {
	if i < len(rs) {
		return rs[i]
	}
	return task.Result{}
}

// finished accounts for outcomes that have been recorded, or whose fate isn't known.
func (d *dispatcher) finished(t *taker, sent, ended int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.freeing -= sent
	t.held -= ended
	d.touch(t)
	d.push(t)
	d.signal()
}

// granted deals with the answer to a Lease command. It runs on the apply goroutine.
func (d *dispatcher) granted(t *taker, asked int, res task.Result, err error) {
	if err == nil {
		err = res.Code.Err()
	}
	d.metrics.answered(asked, len(res.Items), err)
	d.mu.Lock()
	t.asked -= asked
	t.flights--
	t.held += len(res.Items)
	t.learn(res.Leased)
	if !t.counted && len(res.Leased) > 0 { // the call returns with these
		t.gone = true
	}
	switch {
	case err != nil: // the sweep tries again, if the taker is still there
	case len(res.Items) < asked:
		t.starved = true
	default:
		d.push(t)
	}
	d.touch(t)
	d.mu.Unlock()
	d.signal()
	if !t.deliver(res.Leased, err) {
		d.giveBack(t.session, res.Leased, task.NotRevoked)
	}
}

// giveBack releases leases that didn't reach their worker, without burning an attempt.
func (d *dispatcher) giveBack(session uint64, leased []task.Leased, why task.RevokeReason) {
	if len(leased) == 0 {
		return
	}
	refs := make([]task.LeaseRef, len(leased))
	for i := range leased {
		refs[i] = task.LeaseRef{ID: leased[i].ID, Token: leased[i].Token}
	}
	d.release(session, refs, why)
}

func (d *dispatcher) release(session uint64, refs []task.LeaseRef, why task.RevokeReason) {
	if len(refs) == 0 {
		return
	}
	outcomes := make([]task.Outcome, len(refs))
	for i, r := range refs {
		outcomes[i] = task.Outcome{ID: r.ID, Token: r.Token, Kind: task.OutcomeRelease, Session: session, Revoke: why}
	}
	d.metrics.givenBack.Add(float64(len(refs)))
	d.node.Submit([]task.Command{&task.Finish{Outcomes: outcomes}}, true, func(_ []task.Result, err error) {
		if err != nil { // the session's next list, or its end, gives them back
			d.log.Warn("leases that were lost on their way are not released yet", "session", session, "leases", len(refs), "error", err)
		}
	})
}

// touch notes that the taker's count of leases has changed. Needs mu.
func (d *dispatcher) touch(t *taker) {
	if t.counted && !t.touched {
		t.touched = true
		d.touched = append(d.touched, t)
	}
}

// recount has the machine's count of a taker's leases taken over with the next entry.
func (d *dispatcher) recount(t *taker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touch(t)
}
