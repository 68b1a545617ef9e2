package task

// cancelBatch closes a batch and begins to cancel its unfinished tasks; Ticks go on with that. Items[0].Other is how many
// there are.
func (m *Machine) cancelBatch(c *CancelBatch) Result {
	b := m.batches.byID[c.ID]
	if b == nil {
		return Result{Code: NoSuchBatch}
	}
	n := b.counts.Unfinished()
	if n > 0 || b.closed == 0 {
		b.cancelled = true
		m.touchBatch(b)
	}
	m.shut(b)
	if n > 0 {
		b.mark, b.cursor = m.nextID, b.id // all its tasks came after it
		enlist(&m.batches.cancels, b.id)
	}
	return Result{Items: []Item{{ID: b.id, Other: n}}}
}

// stepBatchCancel goes on with cancelling the oldest batch and returns whether it is finished with it.
func (m *Machine) stepBatchCancel() bool {
	b := m.batches.byID[m.batches.cancels[0]]
	scan := maxPurgeScan
	var doomed []slot
	finished := true
	m.index.after(b.cursor, func(s slot) bool {
		r := m.tasks.at(s)
		if r.id >= b.mark || uint64(len(doomed)) == b.counts.Unfinished() {
			return false
		}
		if scan == 0 || m.budget == len(doomed) {
			finished = false
			return false
		}
		scan--
		b.cursor = r.id
		if r.state != DeadLetter && m.batchOf(r) == b.id {
			doomed = append(doomed, s)
		}
		return true
	})
	m.budget -= len(doomed)
	for _, s := range doomed {
		_ = m.cancel(s, m.tasks.at(s)) // it is live: nothing refuses
	}
	if finished {
		b.mark, b.cursor = 0, 0
		delist(&m.batches.cancels, b.id)
	}
	m.touchBatch(b)
	return finished
}
