package task

import "strings"

// tenant is a fair key of a queue: one of those that take turns, and that limits by key are for. The tasks that name no key
// are a tenant too, which no limit concerns.
//
// Turns are weighted round robin. A tenant that gains its first pending task goes to the end of the round; one that has been
// served as often as its weight says goes there again. While a tenant is the only one, its turn doesn't matter and stays.
//
// Invariants: pending and running count its tasks of these states, and follow them; turn and used are 0 without pending tasks;
// closed says whether a limit holds it back at the state time.
type tenant struct {
	number  uint32
	at      queueKey
	weight  uint16
	closed  bool
	used    uint16 // tasks that were leased in its turn
	turn    int64
	limiter // of its rate
	pending uint32
	running uint32
	shares  []uint32
	stored  uniqueKey // its key in the state file
	hashPart
}

// tenants numbers them. Numbers are reused and differ between members.
type tenants struct {
	all      []*tenant // 0 is none
	free     []uint32
	byKey    map[queueKey]uint32
	byStored map[uniqueKey]uint32
	hashes   hashSum
}

func newTenants() tenants {
	return tenants{all: make([]*tenant, 1), byKey: map[queueKey]uint32{}, byStored: map[uniqueKey]uint32{}}
}

// tenantFor returns the tenant of a fair key, made if need be. The key may alias anything.
func (m *Machine) tenantFor(q *queue, key string) *tenant {
	if key == "" && q.plain != 0 {
		return m.tenants.all[q.plain]
	}
	ts := &m.tenants
	if n, ok := ts.byKey[queueKey{q.number, key}]; ok {
		return ts.all[n]
	}
	t := &tenant{at: queueKey{q.number, strings.Clone(key)}, weight: q.settings.weightOf(key), stored: makeUniqueKey(q.number, key)}
	if last := len(ts.free) - 1; last >= 0 {
		t.number, ts.free = ts.free[last], ts.free[:last]
		ts.all[t.number] = t
	} else {
		t.number = uint32(len(ts.all))
		ts.all = append(ts.all, t)
	}
	ts.byKey[t.at], ts.byStored[t.stored] = t.number, t.number
	if key == "" {
		q.plain = t.number
	}
	return t
}

// dropTenant forgets one of whom nothing is left to know.
func (m *Machine) dropTenant(t *tenant) {
	if t.at.key == "" || t.pending > 0 || t.running > 0 || t.isStored() {
		return
	}
	ts := &m.tenants
	ts.hashes.drop(t)
	delete(ts.byKey, t.at)
	delete(ts.byStored, t.stored)
	ts.all[t.number] = nil
	ts.free = append(ts.free, t.number)
}

// isStored reports whether the tenant has state that doesn't follow from its tasks.
func (t *tenant) isStored() bool { return t.turn != 0 || t.used != 0 || t.limit != 0 }

func (m *Machine) touchTenant(t *tenant) {
	m.dirty.records[recordKey{kind: KindTenant, key: t.stored}] = struct{}{}
	m.tenants.hashes.changed(t)
}

func (t *tenant) hashNow(*Machine) uint64 {
	if !t.isStored() {
		return 0
	}
	return hashOf(uint64(t.at.queue), t.append(nil))
}

// arrives counts one more pending task of a tenant, before it is linked.
func (m *Machine) arrives(q *queue, t *tenant) {
	t.pending++
	if t.pending > 1 {
		return
	}
	q.active++
	if m.loading {
		return
	}
	if q.active == 1 {
		q.turns = 0
		return
	}
	q.turns++
	t.turn = q.turns
	m.touchTenant(t)
}

// departs counts one pending task less, after it was unlinked.
func (m *Machine) departs(t *tenant) {
	t.pending--
	if t.pending > 0 {
		return
	}
	m.queues[t.at.queue].active--
	if t.turn != 0 || t.used != 0 {
		t.turn, t.used = 0, 0
		m.touchTenant(t)
	}
	m.dropTenant(t)
}

// serves counts a task that is leased in its tenant's turn, and against the rates, before it is unlinked.
func (m *Machine) serves(q *queue, t *tenant) {
	if q.active > 1 {
		m.touchTenant(t)
		if t.used++; t.used >= t.weight {
			t.used = 0
			q.turns++
			t.turn = q.turns
			m.settleShares(t)
		}
	}
	if s := &q.settings; t.at.key != "" && !s.KeyRate.IsZero() {
		t.limit.take(s.KeyRate, m.now)
		m.touchTenant(t)
	}
	if !q.settings.Rate.IsZero() {
		q.limit.take(q.settings.Rate, m.now)
		m.limitQueue(q)
	}
}

// occupy and vacate count a task that begins, or ends, to run.
func (m *Machine) occupy(r *record) { m.changeRunning(r, +1) }
func (m *Machine) vacate(r *record) { m.changeRunning(r, -1) }

func (m *Machine) changeRunning(r *record, change int) {
	f := &m.flows.all[r.flow]
	q := m.queues[r.queue]
	if g := m.singletonFor(q, f.singleton); g != nil {
		m.occupySingleton(g, change)
	}
	if f.fairKey == "" {
		return
	}
	t := m.tenantFor(q, f.fairKey)
	t.running = uint32(int(t.running) + change)
	m.limitTenant(t)
	m.dropTenant(t)
}

// limitTenant closes or opens a tenant, as its limits say.
func (m *Machine) limitTenant(t *tenant) {
	q := m.queues[t.at.queue]
	closed := false
	if s := &q.settings; t.at.key != "" {
		closed = s.KeyMaxRunning > 0 && t.running >= s.KeyMaxRunning || !t.limit.allows(s.KeyRate, m.now)
		if t.watch(m, wake{queue: t.at.queue, key: t.at.key, tenant: t.number}, s.KeyRate) {
			m.touchTenant(t)
		}
	}
	if closed == t.closed {
		return
	}
	t.closed = closed
	m.settleShares(t)
	if !closed && t.pending > 0 {
		m.announce(q)
	}
}

func (m *Machine) settleShares(t *tenant) {
	for _, s := range t.shares {
		m.settle(s, m.tree.contribution(s))
	}
}

func (t *tenant) append(b []byte) []byte {
	b = appendBytes(appendUint(append(b, recordVersion), uint64(t.at.queue)), t.at.key)
	return appendInt(appendUint(appendInt(b, t.turn), uint64(t.used)), int64(t.limit))
}

// readTenant enters a tenant of the state file.
func (m *Machine) readTenant(b []byte) error {
	r := reader{b: b}
	version, number, key := r.byte(), r.uintMax(1<<32-1), r.string()
	turn, used, limit := r.int(), uint16(r.uintMax(1<<16-1)), bucket(r.int())
	if r.done() != nil || version != recordVersion || number == 0 || number >= uint64(len(m.queues)) {
		return errCorrupt
	}
	t := m.tenantFor(m.queues[number], key)
	t.turn, t.used, t.limit = turn, used, limit
	m.tenants.hashes.changed(t)
	return nil
}
