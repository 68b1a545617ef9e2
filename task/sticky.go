package task

import (
	"cmp"
	"slices"
)

// maxSticky is how many sticky keys a session is remembered for; the oldest go first.
const maxSticky = 10_000

// stickyKey says which session ran the last task with a sticky key.
//
// Invariant: it exists while the session is open, and is among the last maxSticky of its session.
type stickyKey struct {
	session uint64
	token   uint64 // of that task's lease
}

// stick is a key of a session's list.
type stick struct {
	key   uniqueKey
	token uint64
}

// stickyTable has the sticky keys of all queues.
type stickyTable struct {
	byKey map[uniqueKey]stickyKey
	sum   uint64 // of their hashes
}

func (e stickyKey) hash(key uniqueKey) uint64 {
	return hashOf(e.token, append(key[:], e.append(nil)...))
}

func (e stickyKey) append(b []byte) []byte {
	return appendUint(appendUint(append(b, recordVersion), e.session), e.token)
}

// stick notes that a session has a task with the key.
func (m *Machine) stick(q *queue, name string, s *session, token uint64) {
	key := makeUniqueKey(q.number, name)
	m.unstick(key)
	m.enterSticky(key, stickyKey{s.id, token}, s)
	m.dirty.records[recordKey{kind: KindSticky, key: key}] = struct{}{}
	for s.stuck > maxSticky {
		oldest := s.sticks[0]
		s.sticks = s.sticks[1:]
		if m.sticky.byKey[oldest.key] == (stickyKey{s.id, oldest.token}) {
			m.unstick(oldest.key)
		}
	}
}

func (m *Machine) enterSticky(key uniqueKey, e stickyKey, s *session) {
	m.sticky.byKey[key] = e
	m.sticky.sum += e.hash(key)
	s.sticks = append(s.sticks, stick{key, e.token})
	s.stuck++
	if len(s.sticks) > 2*maxSticky { // most of them are another's by now, or later ones of this session
		s.sticks = slices.DeleteFunc(s.sticks, func(k stick) bool { return m.sticky.byKey[k.key] != stickyKey{s.id, k.token} })
	}
}

// unstick forgets who ran a key.
func (m *Machine) unstick(key uniqueKey) {
	e, ok := m.sticky.byKey[key]
	if !ok {
		return
	}
	delete(m.sticky.byKey, key)
	m.sticky.sum -= e.hash(key)
	m.dirty.records[recordKey{kind: KindSticky, key: key}] = struct{}{}
	if s, ok := m.sessions.get(e.session); ok {
		s.stuck--
	}
}

// unstickAll forgets the keys of a session that ends. What is reserved for it is anybody's from then on.
func (m *Machine) unstickAll(s *session) {
	for _, k := range s.sticks {
		if m.sticky.byKey[k.key] == (stickyKey{s.id, k.token}) {
			m.unstick(k.key)
		}
	}
	s.sticks = nil
}

// reserve finds the session that a task which becomes pending is reserved for, and notes in the task until when; 0: none.
func (m *Machine) reserve(r *record) uint64 {
	f := &m.flows.all[r.flow]
	if f.sticky == "" {
		return 0
	}
	q := m.queues[r.queue]
	e, ok := m.sticky.byKey[makeUniqueKey(q.number, f.sticky)]
	if !ok {
		return 0
	}
	s, ok := m.sessions.get(e.session)
	if !ok || !s.serves(q.name) || !s.takes(m.kinds.names[r.kind]) || !s.satisfies(f.require) {
		return 0
	}
	r.at = after(m.now, first(q.settings.StickyWait, defaultStickyWait))
	return e.session
}

func (s *session) serves(queue string) bool {
	return slices.ContainsFunc(s.queues, func(q servedQueue) bool { return q.name == queue })
}

// unreserve lets anybody have a task whose worker didn't come for it in time, before all others of its priority.
func (m *Machine) unreserve(s slot, r *record) {
	q := m.queues[r.queue]
	m.touch(s, r)
	m.unlink(r)
	m.placeFirst(r)
	m.linkFor(s, r, 0)
	m.touchQueue(q)
	m.announce(q)
	m.timers.set(s, r.deadline())
}

// reservedFor is the session that a pending task is reserved for; 0: none.
func (m *Machine) reservedFor(r *record) uint64 {
	share := m.tree.all[r.owner].parent
	return m.stages.all[m.tree.all[m.tree.all[share].parent].key].key.session
}

// readSticky enters a sticky key of the state file.
func (m *Machine) readSticky(key, b []byte) error {
	r := reader{b: b}
	version, e := r.byte(), stickyKey{session: r.uint(), token: r.uint()}
	s, ok := m.sessions.get(e.session)
	if r.done() != nil || version != recordVersion || len(key) != len(uniqueKey{}) || !ok {
		return errCorrupt
	}
	m.enterSticky(uniqueKey(key), e, s)
	return nil
}

// sortSticks puts the sessions' keys into their order after loading.
func (m *Machine) sortSticks() {
	for _, s := range m.sessions.all[1:] {
		if s != nil {
			slices.SortFunc(s.sticks, func(a, b stick) int { return cmp.Compare(a.token, b.token) })
		}
	}
}
