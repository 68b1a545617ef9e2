package rpc

import (
	"sync/atomic"

	"github.com/rowlock/rowlock/task"
)

const (
	// grantMax is how many tasks one Lease command asks for at most, so that a worker with much room can't empty a
	// queue while others wait.
	grantMax = 256
	// firstSize is what a payload is taken to have before the first grant: the first has 32 tasks at most.
	firstSize = 256 << 10
	// maxFlights is how many Lease commands one taker has in flight at most.
	maxFlights = 16
)

// taker takes leases for a worker's session: a Work stream, or one call of Lease.
type taker struct {
	session uint64
	queues  []string
	kinds   []string // empty: any
	// requestID makes the n-th Lease command of a call idempotent; empty for none.
	requestID string
	// counted means that capacity is what the session holds altogether, so that held follows the machine's count.
	counted bool
	// deliver hands tasks to the worker. It runs on the apply goroutine and must not block. False means that nobody is
	// there any more.
	deliver func(tasks []task.Leased, err error) bool
	// full is set while the worker doesn't read what it is sent; nil: never.
	full *atomic.Bool

	// Guarded by dispatcher.mu.
	capacity   int  // how many leases it wants to hold
	held       int  // how many it holds
	freeing    int  // of these, how many have an outcome in flight
	asked      int  // how many the Lease commands in flight ask for
	flights    int  // Lease commands in flight
	rounds     int  // Lease commands so far
	size       int  // bytes of a payload, by what was granted last
	overlooked bool // see sweep
	starved    bool // the last answer was short: there was nothing more for it, and its queues have gained nothing since
	queued     bool // waits in dispatcher.dirty
	touched    bool // waits in dispatcher.touched
	gone       bool // takes no more
}

func newTaker(s *task.Session, deliver func([]task.Leased, error) bool) *taker {
	t := &taker{session: s.ID, kinds: s.Kinds, deliver: deliver, size: outboxBytes / grantMax}
	for _, q := range s.Queues {
		t.queues = append(t.queues, q.Queue)
	}
	return t
}

// room is how many leases the next command may ask for. Outcomes in flight count as done: a command that is proposed now
// comes after them in the log.
func (t *taker) room() int {
	if t.gone || t.flights >= t.maxFlights() || (t.full != nil && t.full.Load()) {
		return 0
	}
	return min(t.capacity-t.held+t.freeing-t.asked, grantMax, max(outboxBytes/t.size, 1))
}

// learn takes over how large payloads are. It begins with the largest, and halves at most: what the next grant brings
// shouldn't be far beyond what an outbox takes.
func (t *taker) learn(granted []task.Leased) {
	if n := len(granted); n > 0 {
		t.size = max(payloadBytes(granted)/n, t.size/2, 1)
	}
}

// maxFlights is one for a call of Lease, as it returns with the first answer that has something.
func (t *taker) maxFlights() int {
	if t.counted {
		return maxFlights
	}
	return 1
}

// takes reports whether tasks of the kind are for this taker.
func (t *taker) takes(kind string) bool {
	if len(t.kinds) == 0 {
		return true
	}
	for _, k := range t.kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// ask makes the command for n more leases.
func (t *taker) ask(n int) task.Command {
	t.asked += n
	t.flights++
	t.rounds++
	return once(requestPart(t.requestID, t.rounds-1), &task.Lease{Session: t.session, Max: uint32(n)})
}

// line is a queue's takers, in rotation.
type line struct {
	name   string // the queue's
	takers []*taker
	unseen int  // how many takers have not been looked at since tasks became pending
	next   int  // whose turn it is
	queued bool // waits in dispatcher.dirtyLines
}

// each calls fn with every taker, beginning with the one whose turn it is, until fn returns false. The turn moves on
// behind the last one that fn was called with.
func (l *line) each(fn func(*taker) bool) {
	for range len(l.takers) {
		if l.next >= len(l.takers) {
			l.next = 0
		}
		t := l.takers[l.next]
		l.next++
		if !fn(t) {
			return
		}
	}
}

func (l *line) remove(t *taker) {
	for i, other := range l.takers {
		if other == t {
			l.takers = append(l.takers[:i], l.takers[i+1:]...)
			if l.next > i {
				l.next--
			}
			return
		}
	}
}
