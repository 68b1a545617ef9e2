package rpc

import (
	"sync"
	"sync/atomic"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

const (
	// outboxBytes is how many bytes of tasks may wait for a worker before it gets no more.
	outboxBytes = 8 << 20
	// outboxItems is how many answers may wait for a worker before nothing more is read from it.
	outboxItems = 1 << 16
)

// outbox is what waits to be sent to a worker. Many goroutines fill it, the stream's own empties it.
type outbox struct {
	filled  chan struct{} // has a token when there is something to send
	drained chan struct{} // has a token when it has been emptied
	full    atomic.Bool   // enough tasks wait: no more should be granted until sent says so

	mu     sync.Mutex // guards all below
	closed bool
	batch  batch
	bytes  int // of the tasks that wait or are being sent
}

// batch is what one go of sending takes.
type batch struct {
	welcome  *pb.Welcome
	tasks    []task.Leased
	acked    []uint64
	refused  []*pb.Refusal
	revoked  []*pb.Revocation
	stopping []*pb.StopRequest
	beat     *pb.BeatAck
	drain    bool
	doubts   []task.Outcome // refused by the machine: the history knows whether they are repeats
}

func (b *batch) empty() bool {
	return b.welcome == nil && b.beat == nil && !b.drain && len(b.tasks)+len(b.stopping)+b.answers() == 0
}

func (b *batch) answers() int { return len(b.acked) + len(b.refused) + len(b.revoked) + len(b.doubts) }

// reset empties a batch, and keeps its room for the next.
func (b *batch) reset() {
	clear(b.tasks)
	clear(b.refused)
	clear(b.revoked)
	clear(b.doubts)
	clear(b.stopping)
	*b = batch{
		tasks: b.tasks[:0], acked: b.acked[:0], refused: b.refused[:0], revoked: b.revoked[:0], doubts: b.doubts[:0],
		stopping: b.stopping[:0],
	}
}

func newOutbox() *outbox {
	return &outbox{filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// put adds to the outbox, unless it is closed.
func (o *outbox) put(fill func(*batch)) {
	o.mu.Lock()
	if !o.closed {
		fill(&o.batch)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.filled <- struct{}{}:
	default:
	}
}

// putTasks adds tasks; it returns false if the outbox is closed.
func (o *outbox) putTasks(tasks []task.Leased) bool {
	if len(tasks) == 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.batch.tasks = append(o.batch.tasks, tasks...)
	o.bytes += payloadBytes(tasks)
	if o.bytes > outboxBytes {
		o.full.Store(true)
	}
	o.signal()
	return true
}

func payloadBytes(tasks []task.Leased) (n int) {
	for i := range tasks {
		n += leasedBytes(&tasks[i])
	}
	return n
}

// leasedBytes is what a task carries: its payload and its parents' results.
func leasedBytes(t *task.Leased) int {
	n := len(t.Payload)
	for i := range t.Parents {
		n += len(t.Parents[i].Result) + len(t.Parents[i].Ref) + 32
	}
	return n
}

// take exchanges the contents with an empty batch. The tasks in it count until they are sent.
func (o *outbox) take(empty *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.batch, *empty = *empty, o.batch
	select {
	case o.drained <- struct{}{}:
	default:
	}
}

// sent takes tasks off the count. relieved means that the outbox was full, and isn't any more.
func (o *outbox) sent(bytes int) (relieved bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= bytes
	return o.bytes <= outboxBytes/2 && o.full.Swap(false)
}

// backlog reports whether so many answers wait that no more should be caused.
func (o *outbox) backlog() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.batch.answers() > outboxItems
}

// close takes what is left; nothing is added any more.
func (o *outbox) close() batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	left := o.batch
	o.batch = batch{}
	return left
}
