package task

import "hash/crc32"

// debounce lets the task that has the key, and waits, stand for a new one: it gets the new one's payload, and waits anew;
// false: there is none. Everything else stays as it was enqueued first.
func (m *Machine) debounce(q *queue, key uniqueKey, t *NewTask) (Item, bool) {
	e, taken := m.unique[key]
	if !taken || !m.holds(e.holder, key) {
		return Item{}, false
	}
	s := m.index.get(e.holder)
	r := m.tasks.at(s)
	if r.state == Running {
		return Item{}, false
	}
	if !q.admitsPayload(r, len(t.Payload)) {
		return Item{ID: r.id, Code: QueueFull}, true
	}
	m.touch(s, r)
	m.replacePayload(q, r, t.Payload)
	m.putOff(s, r, t)
	return Item{ID: r.id, Code: Existing, State: r.state}, true
}

// replacePayload gives a waiting task another payload.
func (m *Machine) replacePayload(q *queue, r *record, payload []byte) {
	q.bytes += uint64(len(payload)) - uint64(r.payloadLen)
	m.haveRoom(q)
	if r.payload != 0 {
		m.resident -= int(r.payloadLen)
		m.arena.release(r.payload)
	}
	r.payload, r.payloadLen, r.payloadSum = 0, 0, 0
	r.flags &^= flagPayloadOnDisk // what the state file has is the old one
	m.takePayload(r, payload)
	m.dirty.bytes += len(payload)
}

// takePayload copies a payload for a task that has none.
func (m *Machine) takePayload(r *record, payload []byte) {
	if n := len(payload); n > 0 {
		r.payload, r.payloadLen = m.arena.put(payload), uint32(n)
		r.payloadSum = crc32.Checksum(payload, castagnoli)
		m.resident += n
	}
}

// putOff lets a waiting task wait anew, but no longer than the new one says after its own enqueue, and no shorter than its
// backoff after a failure. One that has waited as long as it may keeps its place: else it would never come to run while
// others keep coming.
func (m *Machine) putOff(s slot, r *record, t *NewTask) {
	at := t.runAt(m.now)
	if t.MaxWait > 0 {
		at = min(at, after(r.enqueued, t.MaxWait))
	}
	switch {
	case r.state == Blocked:
		r.at = at // for when it is unblocked
	case r.state == Scheduled && r.failures > 0 && r.at > at:
	case at > m.now:
		m.leave(s, r)
		r.at = at
		m.transit(s, r, Scheduled)
	case r.state == Scheduled:
		m.toPending(s, r)
	}
}

// runAt is when a new task is to run.
func (t *NewTask) runAt(now Time) Time {
	if t.Delay > 0 {
		return after(now, t.Delay)
	}
	return t.RunAt
}
