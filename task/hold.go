package task

// Hold is what keeps a pending task from being leased whoever asks for it.
type Hold struct {
	Suspended bool // the cluster is, and hands out nothing
	Paused    bool
	// Running is how many tasks of its queue run, where no more may.
	Running uint64
	// RateUntil is when its queue's rate lets the next task start; 0: now.
	RateUntil Time
	// KeyRunning and KeyRateUntil say the same of its fair key.
	KeyRunning   uint32
	KeyRateUntil Time
	// Singleton is the running task that has its singleton key; 0: none.
	Singleton ID
	// ReservedFor is the worker of its sticky key that it waits for, until ReservedUntil.
	ReservedFor   string
	ReservedUntil Time
}

// Hold returns what holds a pending task back; nothing for another.
func (m *Machine) Hold(id ID) (h Hold) {
	s := m.index.get(id)
	if s == 0 || m.tasks.at(s).state != Pending {
		return h
	}
	r := m.tasks.at(s)
	q := m.queues[r.queue]
	h.Suspended = m.suspended()
	h.Paused = q.mode == QueuePaused
	if limit := uint64(q.settings.MaxRunning); limit > 0 && q.live[Running] >= limit {
		h.Running = q.live[Running]
	}
	if !q.limit.allows(q.settings.Rate, m.now) {
		h.RateUntil = q.limit.opensAt(q.settings.Rate)
	}
	lane := &m.tree.all[r.owner]
	t := m.tenants.all[m.tree.all[lane.parent].key]
	if limit := q.settings.KeyMaxRunning; t.closed && limit > 0 && t.running >= limit {
		h.KeyRunning = t.running
	}
	if t.closed && !t.limit.allows(q.settings.KeyRate, m.now) {
		h.KeyRateUntil = t.limit.opensAt(q.settings.KeyRate)
	}
	if g := m.singletons.all[lane.key]; g != nil && g.taken() {
		h.Singleton = m.singletonHolder(g)
	}
	if s, ok := m.sessions.get(m.reservedFor(r)); ok {
		h.ReservedFor, h.ReservedUntil = s.worker, r.at
	}
	return h
}

// singletonHolder looks for the running task of a singleton key among all leases.
func (m *Machine) singletonHolder(g *singleton) ID {
	for _, s := range m.sessions.all[1:] {
		if s == nil {
			continue
		}
		for i := s.head; i != 0; i = m.tasks.at(i).next {
			if r := m.tasks.at(i); r.queue == g.at.queue && m.flows.all[r.flow].singleton == g.at.key {
				return r.id
			}
		}
	}
	return 0
}

// Pace is how many tasks of a queue ended in a stretch of time.
type Pace struct {
	Tasks uint64
	Over  Duration
}

// paceSpan is how far back Pace looks at most.
const paceSpan = 600 * second

// Pace returns how fast the queue's tasks have ended lately; zero where that isn't known.
func (m *Machine) Pace(name string) (p Pace) {
	q, ok := m.queueNames[name]
	if !ok {
		return p
	}
	blocks := q.history.blocks
	for i := len(blocks) - 1; i >= 0 && m.now-blocks[i].start <= paceSpan; i-- {
		p.Tasks += blocks[i].count
		p.Over = m.now - blocks[i].start
	}
	return p
}

// For is how long so many tasks take at this pace; 0: it isn't known.
func (p Pace) For(tasks uint64) Duration {
	if p.Tasks == 0 || p.Over <= 0 || tasks > 1<<62/uint64(p.Over) {
		return 0
	}
	return Duration(tasks * uint64(p.Over) / p.Tasks)
}
