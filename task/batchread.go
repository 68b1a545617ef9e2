package task

import "slices"

// Batch is a copy of a batch. It stays valid.
type Batch struct {
	ID        ID
	Name      string
	CreatedAt Time
	ClosedAt  Time // 0: it is open
	EndedAt   Time // when it was closed and all its tasks had ended; 0: not so
	ExpiresAt Time // when it expires, if nothing is added; 0: not while some of its tasks wait or run, nor once it is closed
	Idle      Duration
	Counts    BatchCounts
	Cancelled bool                         // by a call
	Expired   bool                         // it was closed because it had been idle for too long
	Callbacks [callbackKinds]BatchCallback // by CallbackKind
}

// BatchCallback is what a batch enqueues at its end, or has enqueued.
type BatchCallback struct {
	State  CallbackState
	Task   NewTask // the template
	DoneAt Time    // when it was enqueued, or refused last
	ID     ID      // of the task that was enqueued; with a code other than OK, of the one that is in the way
	Code   Code    // why it couldn't be enqueued
	Tries  uint32
	NextAt Time // of one that was refused: when it is tried again; 0: it isn't
}

// Batch returns a batch by its ID.
func (m *Machine) Batch(id ID) (Batch, bool) {
	b, ok := m.batches.byID[id]
	if !ok {
		return Batch{}, false
	}
	v := Batch{
		ID: id, Name: b.name, CreatedAt: b.created, ClosedAt: b.closed, EndedAt: b.ended, ExpiresAt: b.expiresAt(), Idle: b.idle, Counts: b.counts,
		Cancelled: b.cancelled, Expired: b.expired,
	}
	for k := range b.callbacks {
		c := &b.callbacks[k]
		if c.state == CallbackNone {
			continue
		}
		v.Callbacks[k] = BatchCallback{State: c.state, Task: c.newTask(), DoneAt: c.at, ID: c.task, Code: c.code, Tries: c.tries, NextAt: c.next}
	}
	return v, true
}

// Batches returns up to limit batches with an ID above the given one, by ID.
func (m *Machine) Batches(after ID, limit int) []Batch {
	order := m.batches.order
	i, found := slices.BinarySearch(order, after)
	if found {
		i++
	}
	var out []Batch
	for ; i < len(order) && len(out) < limit; i++ {
		if b, ok := m.Batch(order[i]); ok {
			out = append(out, b)
		}
	}
	return out
}
