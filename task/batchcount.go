package task

// BatchCounts are the tasks of a batch, each counted once, where it is now.
type BatchCounts struct {
	Waiting   uint64 // scheduled, blocked or pending
	Running   uint64
	Completed uint64
	Cancelled uint64
	Deleted   uint64 // without a trace in the history
	Dead      uint64 // dead letters
}

// Total is how many tasks were ever added.
func (c BatchCounts) Total() uint64 {
	return c.Unfinished() + c.Completed + c.Cancelled + c.Deleted + c.Dead
}

// Unfinished is how many tasks wait or run.
func (c BatchCounts) Unfinished() uint64 { return c.Waiting + c.Running }

// of returns the count of a state that a task is in, or comes to; None is a deletion.
func (c *BatchCounts) of(s State) *uint64 {
	switch s {
	case Running:
		return &c.Running
	case Completed:
		return &c.Completed
	case Cancelled:
		return &c.Cancelled
	case DeadLetter:
		return &c.Dead
	case None:
		return &c.Deleted
	}
	return &c.Waiting
}

func (c *BatchCounts) all() []*uint64 {
	return []*uint64{&c.Waiting, &c.Running, &c.Completed, &c.Cancelled, &c.Deleted, &c.Dead}
}

// batchOf returns the batch that a task is in; 0: none. It is the first of the cold fields, so that finding it is cheap.
func (m *Machine) batchOf(r *record) ID {
	if r.flags&flagBatch == 0 {
		return 0
	}
	rd := reader{b: m.coldBytes(r)[1:]}
	return ID(rd.uint())
}

// countInBatch follows a task of a batch from state to state, before its record goes. A new task comes from None.
func (m *Machine) countInBatch(r *record, from, to State) {
	b := m.batches.byID[m.batchOf(r)]
	if b == nil { // it has gone, and left a dead letter
		return
	}
	m.touchBatch(b)
	if from != None {
		*b.counts.of(from)--
	}
	*b.counts.of(to)++
	if from == None || counts(from) != counts(to) {
		b.active = m.now
	}
	if to == DeadLetter {
		m.makeDue(b, CallbackDeath)
	}
	m.settleBatch(b)
	m.watchIdle(b)
}

// settleBatch notes whether a batch has ended, and which callbacks are due for it. A dead letter that is retried reopens it;
// what was called back stays so.
func (m *Machine) settleBatch(b *batch) {
	if b.closed == 0 || b.counts.Unfinished() > 0 {
		b.ended = 0
		return
	}
	first := b.ended == 0
	if first {
		b.ended = m.now
	}
	if !b.cancelled && !b.expired && b.counts.Completed == b.counts.Total() {
		m.makeDue(b, CallbackSuccess)
	}
	m.makeDue(b, CallbackComplete)
	if first {
		m.watchEnd(b)
	}
}
