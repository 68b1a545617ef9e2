package task

import (
	"cmp"
	"slices"
)

// waiter is a callback that its queue refused, because it was full or drained.
type waiter struct {
	batch ID
	kind  CallbackKind
}

// before orders waiters by batch: the oldest comes first.
func (w *waiter) before(o *waiter) bool {
	return cmp.Or(cmp.Compare(w.batch, o.batch), cmp.Compare(w.kind, o.kind)) < 0
}

// waiters are the callbacks that wait for room in one queue. Those that wait no longer, as their own next try came first, leave it when
// they come to the front.
type waiters = heap[waiter, *waiter]

// wantsRoom reports whether a callback is to be tried again as soon as its queue takes it.
func (c *callback) wantsRoom() bool {
	return c.state == CallbackRefused && (c.code == QueueFull || c.code == Draining)
}

// awaitRoom has a callback that was refused wait for its queue.
//
// Invariant: the first waiter of a queue that has room for it is called back by the command that makes the room, or by the next ones. So a
// queue that is in no such list needs not be looked at, and a queue without waiters costs its tasks nothing. All of it follows from the
// state: a member that was restarted calls back in the same order.
func (m *Machine) awaitRoom(b *batch, k CallbackKind) {
	c := &b.callbacks[k]
	if !c.wantsRoom() || c.listed {
		return
	}
	t := c.newTask()
	q, ok := m.queueNames[t.Queue]
	if !ok {
		return
	}
	c.listed, c.queue, c.size = true, q.number, len(t.Payload)
	q.waiting.push(waiter{b.id, k})
}

// haveRoom notes that a queue may take the first of its waiters now, or has another first one. It comes with every change that can make it so.
func (m *Machine) haveRoom(q *queue) {
	if len(q.waiting) > 0 && !q.roomy {
		m.enlistRoomy(q)
	}
}

func (m *Machine) enlistRoomy(q *queue) {
	q.roomy = true
	list := &m.batches.roomy
	i, _ := slices.BinarySearch(*list, q.number)
	*list = slices.Insert(*list, i, q.number)
}

// leaveRoom notes that a callback waits no longer.
func (m *Machine) leaveRoom(c *callback) {
	if c.listed {
		m.haveRoom(m.queues[c.queue])
	}
}

// firstWaiter returns the first callback that waits for room in a queue, if there is room for it.
func (m *Machine) firstWaiter(q *queue) (*batch, CallbackKind, bool) {
	for len(q.waiting) > 0 {
		w := q.waiting[0]
		b := m.batches.byID[w.batch]
		if b != nil && b.callbacks[w.kind].wantsRoom() {
			return b, w.kind, q.mode != QueueDraining && q.admits(b.callbacks[w.kind].size, nil)
		}
		q.waiting.pop()
		if b != nil {
			b.callbacks[w.kind].listed = false
		}
	}
	return nil, 0, false
}

// nextWaiter takes the first callback that its queue has room for, those of the oldest queue first.
func (m *Machine) nextWaiter() (*batch, CallbackKind, bool) {
	bs := &m.batches
	for len(bs.roomy) > 0 {
		q := m.queues[bs.roomy[0]]
		if b, k, ok := m.firstWaiter(q); ok {
			q.waiting.pop()
			b.callbacks[k].listed = false
			return b, k, true
		}
		q.roomy = false
		bs.roomy = bs.roomy[1:]
	}
	return nil, 0, false
}

// resumeWaiters finds the callbacks that wait for room in a state that was loaded.
func (m *Machine) resumeWaiters() {
	for _, id := range m.batches.order {
		for k := range m.batches.byID[id].callbacks {
			m.awaitRoom(m.batches.byID[id], CallbackKind(k))
		}
	}
	for _, q := range m.queues[1:] {
		if _, _, ok := m.firstWaiter(q); ok {
			m.haveRoom(q)
		}
	}
}
