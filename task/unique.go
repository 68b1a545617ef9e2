package task

import (
	"crypto/sha256"
	"encoding/binary"
)

// uniqueKey stands for a queue and a key of a user: the first half of SHA-256, so that nobody can make two keys meet,
// and without a pointer.
type uniqueKey [16]byte

// uniqueEntry says who has a key.
//
// Invariant: an entry exists while its holder is live, not a dead letter and flagged flagUnique, or until `until`.
type uniqueEntry struct {
	holder ID
	until  Time // the end of its window; 0: none
}

func makeUniqueKey(queue uint32, key string) uniqueKey {
	b := make([]byte, 4, 4+len(key))
	binary.BigEndian.PutUint32(b, queue)
	sum := sha256.Sum256(append(b, key...))
	return uniqueKey(sum[:16])
}

// claim asks for the key: it returns the answer to whoever wanted it, or that it is free, once the task victim, if there
// is one, has been replaced.
func (m *Machine) claim(key uniqueKey, mode UniqueMode) (answer Item, victim slot, free bool) {
	e, taken := m.unique[key]
	if !taken {
		return Item{}, 0, true
	}
	ended := !m.holds(e.holder, key)
	if ended && e.until <= m.now {
		return Item{}, 0, true
	}
	switch mode {
	case UniqueReturn:
		return Item{ID: e.holder, Code: Existing}, 0, false
	case UniqueReplace:
		if ended {
			return Item{}, 0, true
		}
		if s := m.index.get(e.holder); m.tasks.at(s).state != Running {
			return Item{}, s, true
		}
	case UniqueDebounce: // one that waits has been put off already
		if ended {
			return Item{}, 0, true
		}
		return Item{}, m.index.get(e.holder), true
	}
	return Item{ID: e.holder, Code: UniqueTaken}, 0, false
}

// hold gives the key to a task.
func (m *Machine) hold(key uniqueKey, id ID, window Duration) {
	e := uniqueEntry{holder: id}
	if window > 0 {
		e.until = after(m.now, window)
		m.alarms.push(alarm{at: e.until, kind: alarmUnique, key: key})
	}
	m.unique[key] = e
	m.dirty.unique(key)
}

// releaseUnique frees the key of a task that ended, unless its window goes on.
func (m *Machine) releaseUnique(r *record) {
	if r.flags&flagUnique == 0 {
		return
	}
	r.flags &^= flagUnique
	key := makeUniqueKey(r.queue, m.coldOf(r).uniqueKey)
	e := m.unique[key]
	if e.holder != r.id {
		return
	}
	m.dirty.unique(key)
	if e.until <= m.now {
		delete(m.unique, key)
	}
}

// retakeUnique gives a revived task its key again if that is free; else it goes on without it.
func (m *Machine) retakeUnique(r *record, c *cold) {
	if c.uniqueKey == "" {
		return
	}
	key := makeUniqueKey(r.queue, c.uniqueKey)
	e, taken := m.unique[key]
	if taken && e.holder != r.id && (e.until > m.now || m.holds(e.holder, key)) {
		return
	}
	r.flags |= flagUnique
	m.hold(key, r.id, c.windowEnd(r.enqueued)-m.now)
}

// windowEnd is until when a task's key stays taken, whatever becomes of the task; 0: no window.
func (c *cold) windowEnd(enqueued Time) Time {
	if c.uniqueWindow <= 0 {
		return 0
	}
	return after(enqueued, c.uniqueWindow)
}

// holds reports whether the task is live and holds the key. One that was moved as a dead letter, and revived, holds its
// key in another queue, while its window may go on in the old one.
func (m *Machine) holds(id ID, key uniqueKey) bool {
	s := m.index.get(id)
	if s == 0 {
		return false
	}
	r := m.tasks.at(s)
	return r.flags&flagUnique != 0 && makeUniqueKey(r.queue, m.coldOf(r).uniqueKey) == key
}

// windowEnded drops the entry of a key whose window is over, if its holder has ended.
func (m *Machine) windowEnded(key uniqueKey, came Time) bool {
	e, ok := m.unique[key]
	if !ok || m.early(came, e.until) || m.holds(e.holder, key) {
		return false
	}
	delete(m.unique, key)
	m.dirty.unique(key)
	return true
}
