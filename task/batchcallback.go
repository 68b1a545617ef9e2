package task

// maxCallbacks is how many callbacks are enqueued at the end of one command at most; Ticks enqueue the rest.
const maxCallbacks = 256

// makeDue notes that a callback is to be enqueued, if it was asked for and hasn't been yet. It isn't enqueued here, in the
// midst of another task's transition.
func (m *Machine) makeDue(b *batch, k CallbackKind) {
	if b.callbacks[k].state == CallbackWaiting {
		b.callbacks[k].state = CallbackDue
		enlist(&m.batches.due, b.id)
	}
}

// stepCallbacks enqueues what is due, those of the oldest batch first, as long as the budget and the limit last.
//
// Invariant: a callback is enqueued in the very entry that makes it due, or by the next Ticks, and at most once.
func (m *Machine) stepCallbacks(limit int) {
	if m.suspended() {
		return
	}
	for n := min(limit, m.budget); n > 0 && len(m.batches.due) > 0; n-- {
		b := m.batches.byID[m.batches.due[0]]
		k, more := b.firstDue()
		if !more {
			m.batches.due = m.batches.due[1:]
		}
		m.callBack(b, k)
		m.budget--
	}
}

// firstDue returns the callback of a batch that is due first, and whether there are more.
func (b *batch) firstDue() (first CallbackKind, more bool) {
	first = callbackKinds
	for k := range b.callbacks {
		switch {
		case b.callbacks[k].state != CallbackDue:
		case first == callbackKinds:
			first = CallbackKind(k)
		default:
			more = true
		}
	}
	return first, more
}

// callBack enqueues a callback, or notes why that can't be.
func (m *Machine) callBack(b *batch, k CallbackKind) {
	c := &b.callbacks[k]
	m.touchBatch(b)
	t := c.newTask()
	t.callbackOf, t.callback = b.id, k
	c.state, c.at = CallbackDone, m.now
	item := m.accept(&t)
	c.task, c.code = item.ID, item.Code
}

// newTask decodes the template, whose bytes it aliases.
func (c *callback) newTask() NewTask {
	var t NewTask
	r := reader{b: c.template}
	t.read(&r)
	if r.done() != nil {
		panic("task: a callback in memory doesn't decode")
	}
	return t
}
