package main

import (
	"fmt"
	"sync"
	"time"
)

// slack is how far the clocks of the state and of the ledger may be apart: what happened so close to the moment of a restore may be
// in it or not.
const slack = 300 * time.Millisecond

// fate is what must have become of a task.
type fate int

const (
	live fate = iota // it must be there
	lost             // a restore has taken it away: it must never be there again
	open             // a restore was so close that it may be there or not
)

// record is what was acknowledged about a task.
type record struct {
	id    string
	queue string
	fate  fate
	// ends means that nothing but a completion may become of it.
	ends bool

	// The call that made it: when it began and when its answer came. The same of the call that completed it; zero: none is known.
	began, acked         time.Time
	doneBegan, doneAcked time.Time
	// The greatest token seen, and when it came.
	token   uint64
	tokenAt time.Time
	// restores is how many restores the record takes into account.
	restores int
}

// before reports whether the call that made it had certainly ended, and after whether it had certainly not begun, at a moment.
func (r *record) before(at time.Time) bool { return r.acked.Before(at.Add(-slack)) }
func (r *record) after(at time.Time) bool  { return r.began.After(at.Add(slack)) }

// doneBefore and doneAfter are the same of its completion. One whose completion was never acknowledged is neither.
func (r *record) doneBefore(at time.Time) bool {
	return !r.doneAcked.IsZero() && r.doneAcked.Before(at.Add(-slack))
}

func (r *record) doneAfter(at time.Time) bool {
	return !r.doneAcked.IsZero() && r.doneBegan.After(at.Add(slack))
}

// restored is a restore into the group: the moment that came back, and since when the group is suspended.
type restored struct{ to, since time.Time }

// lease is one that a worker keeps although it is over, or will be.
type lease struct {
	id    string
	token uint64
	at    time.Time
}

// ledger is what the group has acknowledged, kept outside of it.
type ledger struct {
	mu       sync.Mutex // guards what follows
	records  map[string]*record
	order    []*record
	tokens   map[uint64]string // the tasks that they were given out for
	held     map[string]lease
	restores []restored
}

func newLedger() *ledger {
	return &ledger{records: map[string]*record{}, tokens: map[uint64]string{}, held: map[string]lease{}}
}

// epoch is how many restores are known: what a call must be told before it begins.
func (l *ledger) epoch() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.restores)
}

// accept notes an acknowledged enqueue.
func (l *ledger) accept(id, queue string, ends bool, began time.Time, epoch int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if other := l.records[id]; other != nil {
		return fmt.Errorf("two calls were told the same ID %s: the first was acknowledged %s, the second %s", id, other.acked, time.Now())
	}
	r := &record{id: id, queue: queue, ends: ends, began: began, acked: time.Now(), restores: epoch}
	l.records[id] = r
	l.order = append(l.order, r)
	return nil
}

// lease notes that a task was handed out by a call that began at a time.
func (l *ledger) lease(id string, token uint64, began time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if other, ok := l.tokens[token]; ok && other != id {
		return fmt.Errorf("token %d was given out for %s and for %s", token, other, id)
	}
	l.tokens[token] = id
	r := l.records[id]
	if r == nil {
		return nil // the answer to its enqueue isn't there yet, or there will be none
	}
	if !r.doneAcked.IsZero() && began.After(r.doneAcked) {
		return fmt.Errorf("task %s was handed out under token %d, though its completion had been acknowledged %s before", id, token, began.Sub(r.doneAcked))
	}
	if began.After(r.tokenAt) && token <= r.token {
		return fmt.Errorf("task %s was handed out under token %d after token %d", id, token, r.token)
	}
	if token > r.token {
		r.token, r.tokenAt = token, time.Now()
	}
	return nil
}

// hold keeps a lease, if there is none of the task yet and not too many; false: it doesn't.
func (l *ledger) hold(id string, token uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.held[id]; ok || len(l.held) >= 40 {
		return false
	}
	l.held[id] = lease{id, token, time.Now()}
	return true
}

// overtaken takes the lease of a task that was kept, if a call that began after it got a newer one.
func (l *ledger) overtaken(id string, token uint64, began time.Time) (lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.held[id]
	if !ok || kept.token == token || began.Before(kept.at) {
		return lease{}, false
	}
	delete(l.held, id)
	return kept, true
}

// takeHeld takes all leases that were kept until a time.
func (l *ledger) takeHeld(until time.Time) (list []lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, kept := range l.held {
		if kept.at.Before(until) {
			list = append(list, kept)
			delete(l.held, id)
		}
	}
	return list
}

// complete notes an acknowledged completion by a call that began at a time, before which so many restores were known.
func (l *ledger) complete(id string, began time.Time, epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[id]; r != nil && r.doneAcked.IsZero() && epoch == len(l.restores) {
		r.doneBegan, r.doneAcked = began, time.Now()
	}
}

// restore notes a restore.
func (l *ledger) restore(to, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restores = append(l.restores, restored{to, since})
}

// snapshot copies the records, and returns the last restore and the number of restores.
func (l *ledger) snapshot() (list []record, last restored, restores int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.order {
		list = append(list, *r)
	}
	if n := len(l.restores); n > 0 {
		last = l.restores[n-1]
	}
	return list, last, len(l.restores)
}

// counts are how many enqueues and completions were acknowledged.
func (l *ledger) counts() (accepted, completed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.order {
		if !r.doneAcked.IsZero() {
			completed++
		}
	}
	return len(l.order), completed
}

// settle writes back what a restore has made of a record.
func (l *ledger) settle(id string, f fate, done bool, restores int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[id]
	r.fate, r.restores = f, restores
	if !done {
		r.doneBegan, r.doneAcked = time.Time{}, time.Time{}
	}
}
