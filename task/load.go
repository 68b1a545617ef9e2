package task

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Loader builds a machine from the records of a state file.
type Loader struct {
	m       *Machine
	meta    bool
	last    ID
	pending []orderedSlot
	running []orderedSlot
	mend    *mend // nil: what doesn't hold together is refused
}

type orderedSlot struct {
	order   int64
	slot    slot
	session uint64 // that a pending task is reserved for
}

// NewLoader returns an empty loader. Its machine refuses what is above the supported feature level: ErrNewerLevel.
func NewLoader(supported uint32) *Loader {
	l := &Loader{m: NewMachine()}
	l.m.loading = true
	l.m.supported = supported
	return l
}

// Record takes one record: those of each kind by ascending key, the kinds in the order of Kinds, all before the first
// task. An error means that the record, or the order, is wrong.
func (l *Loader) Record(k Kind, key, value []byte) error {
	if err := l.record(k, key, value); err != nil {
		if errors.Is(err, ErrNewerLevel) { // nothing is wrong with the record
			return err
		}
		err = fmt.Errorf("record of kind %d, key %x: %w", k, key, err)
		if l.mend == nil || k == KindMeta {
			return err
		}
		l.mend.drop(k, key, err)
	}
	return nil
}

func (l *Loader) record(k Kind, key, value []byte) error {
	m := l.m
	if l.mend != nil && k == KindScheduleLedger && len(key) == len(uniqueKey{}) {
		id := ID(binary.BigEndian.Uint64(key))
		l.mend.ledgers[id] = append(l.mend.ledgers[id], slices.Clone(key))
	}
	switch k {
	case KindMeta:
		l.meta = true
		return m.readMeta(value)
	case KindTenant:
		return m.readTenant(value)
	case KindSticky:
		return m.readSticky(key, value)
	case KindScheduleLedger:
		return m.loadLedger(key, value)
	case KindUnique:
		e, err := readUnique(value)
		if err != nil || len(key) != len(uniqueKey{}) {
			return errCorrupt
		}
		m.unique[uniqueKey(key)] = e
		m.alarms.push(alarm{at: e.until, kind: alarmUnique, key: uniqueKey(key)})
		return nil
	}
	if len(key) != 8 {
		return errCorrupt
	}
	id := binary.BigEndian.Uint64(key)
	switch k {
	case KindQueue:
		return l.queue(id, value)
	case KindSession:
		s, err := readSession(id, value)
		if err == nil {
			m.sessions.add(s)
		}
		return err
	case KindBatch:
		return m.readBatch(ID(id), value)
	case KindImport:
		return m.imports.read(value)
	case KindProducer:
		p, err := readProducer(id, value)
		if err == nil {
			m.producers[id] = p
			m.alarms.push(alarm{at: after(p.lastUsed, ProducerTTL), kind: alarmProducer, id: id})
		}
		return err
	case KindParent:
		return m.readParent(ID(id), value)
	case KindWorkflow:
		return m.readWorkflow(ID(id), value)
	case KindRequest:
		e, err := readRequest(value)
		if err != nil || id != m.requests.saved {
			return errCorrupt
		}
		m.requests.add(e)
		m.requests.saved++
		return nil
	case KindSchedule:
		return m.loadSchedule(ID(id), value)
	case KindScheduleState:
		return m.loadScheduleState(ID(id), value)
	case KindOperation:
		return l.operation(id, value)
	case KindArchived:
		return m.readArchived(id, value)
	}
	return errCorrupt
}

func (l *Loader) queue(number uint64, value []byte) error {
	m := l.m
	if l.mend != nil && number > 0 {
		l.queuesUpTo(number - 1)
	}
	if number != uint64(len(m.queues)) {
		return errCorrupt
	}
	q, err := readQueue(uint32(number), value)
	if err != nil {
		return err
	}
	m.openStages(q)
	m.queues = append(m.queues, q)
	m.queueNames[q.name] = q
	if len(q.history.blocks) > 0 {
		m.armRetention(q)
	}
	return nil
}

// Task takes one live task, by ascending ID. Its payload stays on disk.
func (l *Loader) Task(id ID, value []byte, payloadLen int) error {
	err := l.task(id, value, payloadLen)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("task %v: %w", id, err)
	if l.mend == nil {
		return err
	}
	l.mend.lost = append(l.mend.lost, id)
	l.mend.note("dropped: %v", err)
	return nil
}

func (l *Loader) task(id ID, value []byte, payloadLen int) error {
	m := l.m
	t, err := readTask(value)
	if err != nil {
		return err
	}
	changed := l.mend != nil && l.fit(id, &t)
	if id <= l.last || id >= m.nextID || int(t.payloadLen) != payloadLen || t.queue == 0 || int(t.queue) >= len(m.queues) {
		return errCorrupt
	}
	if _, ok := m.queueNames[t.origin]; t.origin != "" && !ok {
		return fmt.Errorf("%w: it died in a queue that isn't there", errCorrupt)
	}
	l.last = id
	s, r := m.tasks.alloc()
	*r = t.record
	r.id = id
	r.kind = m.kinds.hold(t.kindName)
	r.flags |= flagOnDisk
	if payloadLen > 0 {
		r.flags |= flagPayloadOnDisk
	}
	m.setColdBytes(r, t.cold)
	if r.cold != 0 {
		c := m.coldOf(r)
		r.flow = m.flows.hold(m.flowOf(&c), &m.requirements)
		m.adopt(r, c.parents)
		if !m.enroll(r, &c) {
			if l.mend == nil {
				return errCorrupt
			}
			l.mend.note("task %v was in workflow %v, which is lost", id, c.workflow)
			c.workflow, c.ref = 0, ""
			r.flags &^= flagMember
			m.setCold(r, c)
			changed = true
		}
		if c.batch != 0 {
			if t.cold[0] != coldBatch {
				return errCorrupt
			}
			r.flags |= flagBatch
		}
	}
	m.index.put(id, s)
	m.queues[r.queue].live[r.state]++
	m.queues[r.queue].weigh(r, None, r.state)
	m.setHash(r, value)
	if changed {
		l.mend.tasks = append(l.mend.tasks, s)
	}
	return l.enter(s, r, &t)
}

// enter puts a loaded task into the lists that follow from its state.
func (l *Loader) enter(s slot, r *record, t *storedTask) error {
	m := l.m
	if r.flags&flagUnique != 0 {
		c := m.coldOf(r)
		m.hold(makeUniqueKey(r.queue, c.uniqueKey), r.id, c.windowEnd(r.enqueued)-m.now)
	}
	switch r.state {
	case Pending:
		l.pending = append(l.pending, orderedSlot{r.order, s, t.session})
	case Running:
		owner, ok := m.sessions.byID[t.session]
		if !ok {
			return fmt.Errorf("%w: running without a session", errCorrupt)
		}
		r.owner = owner
		l.running = append(l.running, orderedSlot{order: int64(r.token), slot: s})
	case Blocked:
		m.await(r.id, m.coldOf(r).waits)
	}
	m.timers.set(s, r.deadline())
	return nil
}

// Machine returns the machine that was loaded; the loader must not be used any more.
func (l *Loader) Machine() (*Machine, error) {
	m := l.m
	if !l.meta && (len(m.queues) > 1 || m.tasks.live > 0) {
		return nil, fmt.Errorf("the record of the counters is missing: %w", errCorrupt)
	}
	for _, list := range [][]orderedSlot{l.pending, l.running} {
		slices.SortFunc(list, func(a, b orderedSlot) int { return cmp.Compare(a.order, b.order) })
	}
	for _, p := range l.pending {
		m.linkFor(p.slot, m.tasks.at(p.slot), p.session)
	}
	for _, r := range l.running {
		m.sessions.link(&m.tasks, r.slot, m.tasks.at(r.slot))
		m.occupy(m.tasks.at(r.slot))
	}
	if l.mend != nil {
		l.together()
	}
	for _, n := range m.purges {
		if int(n) >= len(m.queues) || n == 0 {
			return nil, fmt.Errorf("purge of an unknown queue: %w", errCorrupt)
		}
	}
	if !m.checkParents() || !m.checkWorkflows() {
		return nil, fmt.Errorf("the outcomes of parents or the counts of workflows are not those of the tasks: %w", errCorrupt)
	}
	m.sortSticks()
	m.loading = false
	m.resumeLimits()
	m.resumeWaiters()
	if err := m.settleSchedules(); err != nil {
		return nil, err
	}
	for _, q := range m.queues[1:] {
		if dead := q.settings.DeadLetterQueue; dead != "" && m.queueNames[dead] == nil {
			return nil, fmt.Errorf("queue %s has dead letters in a queue that isn't there: %w", q.name, errCorrupt)
		}
	}
	clear(m.dirty.records)
	if l.mend != nil {
		l.mend.resume(m)
	}
	return m, nil
}
