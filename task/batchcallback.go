package task

const (
	// maxCallbacks is how many callbacks are enqueued at the end of one command at most; Ticks enqueue the rest.
	maxCallbacks = 256
	// A callback that is refused is tried again after callbackBackoff, then after twice as long, and so on up to maxCallbackBackoff,
	// until it has been refused for CallbackTTL.
	callbackBackoff    = second
	maxCallbackBackoff = 60 * second
	// CallbackTTL is for how long a callback that is refused is tried again.
	CallbackTTL Duration = 7 * 24 * 3600 * second
)

// makeDue notes that a callback is to be enqueued, if it was asked for and hasn't been yet. It isn't enqueued here, in the
// midst of another task's transition.
func (m *Machine) makeDue(b *batch, k CallbackKind) {
	if b.callbacks[k].state == CallbackWaiting {
		b.callbacks[k].state = CallbackDue
		enlist(&m.batches.due, b.id)
	}
}

// stepCallbacks enqueues those that have been refused and have room now, and then what is due, of the oldest batch first, as long as the
// budget and the limit last.
//
// Invariant: a callback is enqueued, or refused, in the very entry that makes it due, or by the next Ticks; it is enqueued at most
// once.
func (m *Machine) stepCallbacks(limit int) {
	if m.suspended() {
		return
	}
	for n := min(limit, m.budget); n > 0; n-- {
		b, k, ok := m.nextWaiter()
		if !ok {
			if b, k, ok = m.nextDue(); !ok {
				return
			}
		}
		m.callBack(b, k)
		m.budget--
	}
}

// nextDue takes the callback that is due first.
func (m *Machine) nextDue() (*batch, CallbackKind, bool) {
	if len(m.batches.due) == 0 {
		return nil, 0, false
	}
	b := m.batches.byID[m.batches.due[0]]
	k, more := b.firstDue()
	if !more {
		m.batches.due = m.batches.due[1:]
	}
	return b, k, true
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

// callBack enqueues a callback, or notes why that can't be, and when it is tried again.
func (m *Machine) callBack(b *batch, k CallbackKind) {
	c := &b.callbacks[k]
	m.touchBatch(b)
	m.leaveRoom(c)
	t := c.newTask()
	t.callbackOf, t.callback = b.id, k
	item := m.accept(&t)
	c.state, c.at, c.next = CallbackDone, m.now, 0
	c.task, c.code = item.ID, item.Code
	if c.code != OK {
		m.effects.RefusedCallbacks++
		m.callAgain(b, c)
		m.awaitRoom(b, k)
	}
	m.watchEnd(b)
}

// callAgain plans the next try of a callback that was just refused, unless another can't help, or it has been long enough. The task
// that Existing names stands for the callback: its unique mode asked for that.
func (m *Machine) callAgain(b *batch, c *callback) {
	if c.tries == 0 {
		c.since = m.now
	}
	wait := min(callbackBackoff<<min(c.tries, 6), maxCallbackBackoff)
	c.tries++
	if c.code == Existing || c.code == Invalid || m.now >= after(c.since, CallbackTTL) {
		return
	}
	c.state, c.next = CallbackRefused, after(m.now, wait)
	m.watchCallback(b, c)
}

// watchCallback sets the alarm of a callback's next try.
func (m *Machine) watchCallback(b *batch, c *callback) {
	m.alarms.push(alarm{at: c.next, kind: alarmCallback, id: uint64(b.id)})
}

// callbackAlarm makes the callbacks of a batch due whose next try has come.
func (m *Machine) callbackAlarm(id ID, came Time) bool {
	b := m.batches.byID[id]
	if b == nil {
		return false
	}
	found := false
	for i := range b.callbacks {
		if c := &b.callbacks[i]; c.state == CallbackRefused && c.next == came {
			c.state, found = CallbackDue, true
			m.leaveRoom(c)
			enlist(&m.batches.due, id)
			m.touchBatch(b)
		}
	}
	return found
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
