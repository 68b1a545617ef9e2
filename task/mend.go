package task

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// mend has a Loader drop what it can't take, and make good what is missing for the rest to hold together, where it would else
// refuse the state. What it changes is no function of the log: a member whose state was mended is in no group with others.
type mend struct {
	notes   []string
	dropped []Record        // that must go from the state file
	lost    []ID            // tasks that must
	tasks   []slot          // whose records changed
	records []Record        // kinds and keys, of records that changed
	ledgers map[ID][][]byte // the keys of the records of schedules' ledgers
}

// NewMender returns a loader that mends.
func NewMender(supported uint32) *Loader {
	l := NewLoader(supported)
	l.mend = &mend{ledgers: map[ID][][]byte{}}
	return l
}

func (d *mend) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// Mended returns what a mender did, and the checkpoint that writes it, after Machine. There may be nothing to write.
func (l *Loader) Mended() (notes []string, cp *Checkpoint) {
	m, d := l.m, l.mend
	m.Freeze()
	for !m.Capture(1 << 20) {
	}
	cp = m.Frozen()
	for _, r := range d.dropped {
		if !slices.ContainsFunc(cp.Records, func(o Record) bool { return o.Kind == r.Kind && string(o.Key) == string(r.Key) }) {
			cp.Records = append(cp.Records, r)
		}
	}
	slices.SortFunc(cp.Records, func(a, b Record) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Key, b.Key)) })
	for _, id := range d.lost {
		cp.Tasks = append(cp.Tasks, TaskChange{ID: id})
	}
	slices.SortFunc(cp.Tasks, func(a, b TaskChange) int { return int(a.ID) - int(b.ID) })
	m.Committed(0)
	return d.notes, cp
}

// drop notes a record that is refused.
func (d *mend) drop(k Kind, key []byte, err error) {
	d.dropped = append(d.dropped, Record{Kind: k, Key: slices.Clone(key)})
	d.note("dropped: %v", err)
}

// queuesUpTo makes queues for numbers whose records are lost, so that their tasks have one.
func (l *Loader) queuesUpTo(number uint64) {
	m := l.m
	for uint64(len(m.queues)) <= number && len(m.queues) <= maxQueues {
		name := fmt.Sprintf("lost-%d", len(m.queues))
		for m.queueNames[name] != nil {
			name += "-"
		}
		q, _ := m.queueFor(name)
		l.mend.note("queue number %d is lost with its name and settings: its tasks are in %s", q.number, q.name)
	}
}

// fit changes a task that stands on something that is lost.
func (l *Loader) fit(id ID, t *storedTask) (changed bool) {
	m := l.m
	if uint64(t.queue) >= uint64(len(m.queues)) && t.queue <= maxQueues {
		l.queuesUpTo(uint64(t.queue))
	}
	if t.origin != "" && m.queueNames[t.origin] == nil {
		_, _ = m.queueFor(t.origin)
	}
	if _, open := m.sessions.byID[t.session]; t.state == Running && !open {
		l.mend.note("task %v ran under a lost session: it is pending", id)
		t.state, t.session, t.at, t.order = Pending, 0, 0, m.front
		m.front--
		changed = true
	}
	return changed
}

// together makes good what the loaded parts lack of each other.
func (l *Loader) together() {
	l.mendParents()
	l.mendWorkflows()
	l.mendBatches()
	l.mendKeys()
	l.mendSchedules()
	l.mendQueues()
}

// keep notes a record that is to be written.
func (d *mend) keep(k Kind, id uint64) {
	d.records = append(d.records, Record{Kind: k, Key: binary.BigEndian.AppendUint64(nil, id)})
}

func (l *Loader) mendParents() {
	m := l.m
	for _, id := range sortedKeys(m.parents.byID) {
		p := m.parents.byID[id]
		live := m.index.get(id) != 0
		switch {
		case p.children == 0:
			m.parents.sum -= p.hash
			delete(m.parents.byID, id)
			l.mend.note("the outcome of task %v is for no task", id)
		case live && p.ended:
			m.parents.sum -= p.hash
			p.ended, p.hash = false, 0
			l.mend.note("task %v is live: what was kept as its outcome is dropped", id)
		case !live && !p.ended:
			m.keepOutcome(id, None, "", nil)
			l.mend.note("task %v is lost, and others depend on it: to them it was deleted", id)
		default:
			continue
		}
		l.mend.keep(KindParent, uint64(id))
	}
	m.index.after(0, func(s slot) bool {
		r := m.tasks.at(s)
		if r.state != Blocked {
			return true
		}
		for _, p := range m.coldOf(r).waits {
			if at := m.index.get(p); (at == 0 || m.tasks.at(at).state == DeadLetter) && !m.told(p, r.id) {
				m.cascades = append(m.cascades, cascade{p, false, m.nextID})
			}
		}
		return true
	})
}

func (l *Loader) mendWorkflows() {
	m := l.m
	for _, id := range sortedKeys(m.workflows.byID) {
		w := m.workflows.byID[id]
		c := w.counts
		c.Waiting, c.Running, c.DeadLetter = w.loaded.Waiting, w.loaded.Running, w.loaded.DeadLetter
		if c == w.counts {
			continue
		}
		l.mend.note("workflow %v has lost tasks, which count as deleted", id)
		c.Deleted = 0
		c.Deleted = w.members - min(w.members, c.live()+c.Completed+c.Cancelled)
		if w.counts = c; c.live() == 0 && w.ended == 0 {
			w.ended = m.now
			m.armWorkflow(w)
		}
		m.workflows.hashes.changed(w)
		l.mend.keep(KindWorkflow, uint64(id))
	}
}

func (l *Loader) mendBatches() {
	m := l.m
	counted := map[ID]*BatchCounts{}
	m.index.after(0, func(s slot) bool {
		r := m.tasks.at(s)
		if id := m.batchOf(r); id != 0 {
			if counted[id] == nil {
				counted[id] = &BatchCounts{}
			}
			*counted[id].of(r.state)++
		}
		return true
	})
	for _, id := range sortedKeys(m.batches.byID) {
		b, n := m.batches.byID[id], counted[id]
		if n == nil {
			n = &BatchCounts{}
		}
		c := b.counts
		c.Waiting, c.Running, c.Dead = n.Waiting, n.Running, n.Dead
		if c == b.counts {
			continue
		}
		l.mend.note("batch %v has lost tasks, which count as deleted", id)
		if was, is := b.counts.Total(), c.Total(); was > is {
			c.Deleted += was - is
		}
		b.counts = c
		m.settleBatch(b)
		m.watchIdle(b)
		m.batches.hashes.changed(b)
		l.mend.keep(KindBatch, uint64(id))
	}
}

func (l *Loader) mendKeys() {
	m := l.m
	for key, e := range m.unique {
		if e.until == 0 && !m.holds(e.holder, key) {
			delete(m.unique, key)
			l.mend.dropped = append(l.mend.dropped, Record{Kind: KindUnique, Key: slices.Clone(key[:])})
		}
	}
}

func (l *Loader) mendSchedules() {
	m := l.m
	for _, name := range sortedKeys(m.schedules.byName) {
		s := m.schedules.byName[name]
		had := len(s.live)
		s.live = slices.DeleteFunc(s.live, func(id ID) bool {
			i := m.index.get(id)
			return i == 0 || m.tasks.at(i).flags&flagScheduled == 0 || m.tasks.at(i).state == DeadLetter
		})
		end := s.ledger.next
		if n := len(s.ledger.blocks); n > 0 {
			end = s.ledger.blocks[n-1].first + uint64(s.ledger.blocks[n-1].count)
		}
		if s.ledger.next == 0 || end != s.ledger.next {
			l.mend.note("schedule %s has lost a part of its records: its history is dropped", name)
			s.ledger.next, s.ledger.blocks, had = max(s.ledger.next, end, 1), nil, -1
			for _, key := range l.mend.ledgers[s.id] {
				l.mend.dropped = append(l.mend.dropped, Record{Kind: KindScheduleLedger, Key: key})
			}
		}
		if len(s.live) != had {
			m.schedules.hashes.changed(s)
			l.mend.keep(KindScheduleState, uint64(s.id))
		}
	}
}

func (l *Loader) mendQueues() {
	m := l.m
	m.purges = slices.DeleteFunc(m.purges, func(n uint32) bool { return n == 0 || int(n) >= len(m.queues) })
	for _, q := range m.queues[1:] {
		if dead := q.settings.DeadLetterQueue; dead != "" && m.queueNames[dead] == nil {
			_, _ = m.queueFor(dead)
			l.mend.note("queue %s, where %s has its dead letters, is lost: it is made anew", dead, q.name)
		}
	}
	for _, q := range m.queues[1:] {
		if q.dirty { // made anew
			l.mend.keep(KindQueue, uint64(q.number))
		}
	}
}

// resume marks what was mended as changed, once the loader has forgotten what loading itself has marked.
func (d *mend) resume(m *Machine) {
	for _, r := range d.records {
		m.dirty.record(r.Kind, binary.BigEndian.Uint64(r.Key))
	}
	for _, s := range d.tasks {
		m.touch(s, m.tasks.at(s))
	}
	for _, t := range m.tenants.all[1:] {
		if t != nil && t.pending == 0 && (t.turn != 0 || t.used != 0) { // its tasks are lost
			t.turn, t.used = 0, 0
			m.touchTenant(t)
			m.dropTenant(t)
		}
	}
}
