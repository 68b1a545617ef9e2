package rpc

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/task"
)

const (
	// maxWaiters bounds the calls of WaitTask that wait at a member.
	maxWaiters = 10_000
	// leaderLook is how often waiters are asked whether this member still leads.
	leaderLook = 250 * time.Millisecond
)

// waiters are calls that wait for something to happen to a task. One goroutine goes through the events for all of them, and
// only while there are some.
type waiters struct {
	node    Node
	metrics *watchMetrics
	wake    chan struct{} // there is a first one

	mu     sync.Mutex // guards all below; taken before the machine's lock
	byID   map[task.ID]map[*waiter]struct{}
	ids    map[task.ID]struct{} // the keys of byID
	number int
	at     task.Position // looked at up to here
	since  uint64        // of the machine
}

// waiter is one call.
type waiter struct {
	id     task.ID
	leaves task.State // None: until the task has ended
	news   chan news  // has room for one
}

// news has a waiter look at its task, or give up.
type news struct {
	left bool // the state that it waits for the end of
	err  error
}

func newWaiters(n Node, m *watchMetrics) *waiters {
	return &waiters{
		node: n, metrics: m, wake: make(chan struct{}, 1),
		byID: map[task.ID]map[*waiter]struct{}{}, ids: map[task.ID]struct{}{},
	}
}

// add enters a waiter: it learns of everything that happens from now on.
func (w *waiters) add(id task.ID, leaves task.State) (*waiter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.number >= maxWaiters {
		return nil, &fault{codes.ResourceExhausted, "too_many_waiters", "this member serves as many waiting calls as it may: watch, instead of waiting for each task"}
	}
	if w.number == 0 {
		w.at = task.EndOf(w.node.Applied())
		w.node.Machine(func(m *task.Machine) { w.since = m.EventsSince() })
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	x := &waiter{id: id, leaves: leaves, news: make(chan news, 1)}
	if w.byID[id] == nil {
		w.byID[id] = map[*waiter]struct{}{}
		w.ids[id] = struct{}{}
	}
	w.byID[id][x] = struct{}{}
	w.number++
	w.metrics.waiters.Inc()
	return x, nil
}

func (w *waiters) remove(x *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byID[x.id], x)
	if len(w.byID[x.id]) == 0 {
		delete(w.byID, x.id)
		delete(w.ids, x.id)
	}
	w.number--
	w.metrics.waiters.Dec()
}

// run goes through the events until ctx is done.
func (w *waiters) run(ctx context.Context) {
	for ctx.Err() == nil {
		next, some := w.next()
		if !some {
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			continue
		}
		patience, cancel := context.WithTimeout(ctx, leaderLook)
		err := w.node.AwaitApplied(patience, next)
		cancel()
		if err == nil {
			w.tell()
		}
		if !w.node.Serving() {
			w.all(news{err: notLeader(w.node)})
		}
	}
}

// next is the entry to wait for, if anybody waits.
func (w *waiters) next() (uint64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at.Index + 1, w.number > 0
}

// tell looks at what has happened since, and tells whom it concerns.
func (w *waiters) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	applied := task.EndOf(w.node.Applied())
	for {
		var events []task.Event
		var next task.Position
		var since uint64
		var err error
		w.node.Machine(func(m *task.Machine) {
			since = m.EventsSince()
			events, next, err = m.Events(&task.EventFilter{IDs: w.ids}, w.at, watchBatch, watchScan)
		})
		if err != nil || since != w.since { // what was missed is in the tasks themselves
			w.at, w.since = applied, since
			w.eachLocked(news{})
			return
		}
		for i := range events {
			w.concern(&events[i])
		}
		w.at = next
		if next.IsEnd() {
			break
		}
	}
	if w.at.Before(applied) {
		w.at = applied
	}
}

// concern tells the waiters for a task what happened to it, if it is that for which they wait. Needs mu.
func (w *waiters) concern(e *task.Event) {
	for x := range w.byID[e.ID] {
		if x.wants(e) {
			x.tell(news{left: true})
		}
	}
}

func (x *waiter) wants(e *task.Event) bool {
	if x.leaves != task.None {
		return e.From == x.leaves && e.To != x.leaves
	}
	return e.To == task.None || ended(e.To)
}

// ended reports whether a task in this state doesn't go on by itself.
func ended(s task.State) bool { return s.Finished() || s == task.DeadLetter }

func (x *waiter) tell(n news) {
	select {
	case x.news <- n:
	default: // it is going to look already
	}
}

// all tells every waiter.
func (w *waiters) all(n news) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eachLocked(n)
}

func (w *waiters) eachLocked(n news) {
	for _, list := range w.byID {
		for x := range list {
			x.tell(n)
		}
	}
}
