package task

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// dirtySet knows what changed since the last Freeze, and of what a frozen checkpoint still lacks.
//
// A checkpoint is a consistent cut although Apply goes on while it is captured: a task of the frozen generation that
// isn't captured yet is captured by touch, before its first change.
type dirtySet struct {
	gen     uint32 // of changes now; from 1
	tasks   []dirtyTask
	removed []ID // tasks that the state file has and memory no longer
	records map[recordKey]struct{}
	erased  []FinishedRef
	bytes   int // about what the next checkpoint writes

	frozenGen uint32 // while capturing, else 0
	frozen    []dirtyTask
	next      int // the next of frozen to capture
	cp        *Checkpoint
	sorted    bool
	changes   int // of tasks, that the checkpoint before had: what this one will have, about

	chunk  []byte   // carved from
	chunks [][]byte // all of this generation
	spare  [][]byte // for reuse
	old    [][]byte // of the frozen generation
}

type dirtyTask struct {
	id   ID
	slot slot
}

type recordKey struct {
	kind Kind
	id   uint64
	key  uniqueKey
}

const (
	// carveChunk is how much memory for encoded records is taken at once.
	carveChunk = 1 << 20
	// maxSpareChunks is how many chunks are kept for the next generation.
	maxSpareChunks = 16
	// recordOverhead is about what a live task takes in a checkpoint besides its payload.
	recordOverhead = 96
)

func newDirtySet() dirtySet { return dirtySet{gen: 1, records: map[recordKey]struct{}{}} }

func (d *dirtySet) record(k Kind, id uint64) { d.records[recordKey{kind: k, id: id}] = struct{}{} }

func (d *dirtySet) unique(key uniqueKey) {
	d.records[recordKey{kind: KindUnique, key: key}] = struct{}{}
}

// gone notes that a task left memory.
func (d *dirtySet) gone(r *record) {
	if r.flags&flagOnDisk != 0 {
		d.removed = append(d.removed, r.id)
	}
}

// carve copies v into memory that stays as it is until the generation is committed.
func (d *dirtySet) carve(v []byte) []byte {
	if cap(d.chunk)-len(d.chunk) < len(v) {
		d.newChunk(len(v))
	}
	n := len(d.chunk)
	d.chunk = append(d.chunk, v...)
	return d.chunk[n:len(d.chunk):len(d.chunk)]
}

func (d *dirtySet) newChunk(n int) {
	switch last := len(d.spare) - 1; {
	case n > carveChunk:
		d.chunk = make([]byte, 0, n)
	case last >= 0:
		d.chunk, d.spare = d.spare[last][:0], d.spare[:last]
	default:
		d.chunk = make([]byte, 0, carveChunk)
	}
	d.chunks = append(d.chunks, d.chunk)
}

// touch must come before any change of a task.
func (m *Machine) touch(s slot, r *record) {
	d := &m.dirty
	if d.frozenGen != 0 && r.gen == d.frozenGen {
		m.capture(r)
	}
	r.flags |= flagRehash // behind capture, which takes the hash of what was before
	if r.gen == d.gen {
		return
	}
	r.gen = d.gen
	d.tasks = append(d.tasks, dirtyTask{id: r.id, slot: s})
	d.bytes += recordOverhead
	if r.flags&flagPayloadOnDisk == 0 {
		d.bytes += int(r.payloadLen)
	}
}

// DirtyBytes is about how much the next checkpoint would write.
func (m *Machine) DirtyBytes() int { return m.dirty.bytes }

// Freeze begins a checkpoint of the state as it is now. It needs the write lock. There is one at a time: Committed
// ends it.
func (m *Machine) Freeze() {
	d := &m.dirty
	if d.cp != nil {
		panic("task: Freeze before the last checkpoint was committed")
	}
	d.cp = &Checkpoint{Deleted: d.erased, Bytes: d.bytes}
	d.sorted = false
	d.cp.Records = m.changedRecords()
	d.cp.Tasks = make([]TaskChange, 0, min(d.changes+d.changes/8, len(d.removed)+len(d.tasks)))
	for _, id := range d.removed {
		if m.index.get(id) == 0 { // else it was put back since, and is written anew
			d.cp.Tasks = append(d.cp.Tasks, TaskChange{ID: id})
		}
	}
	for _, q := range m.queues[1:] {
		if len(q.recent) > 0 {
			d.cp.History = append(d.cp.History, HistoryChunk{Queue: q.number, Tasks: q.recent})
			q.recent = nil
		}
		if q.history.cut {
			q.history.cut = false
			d.cp.Trims = append(d.cp.Trims, HistoryTrim{Queue: q.number, Before: q.history.first})
		}
	}
	m.recent.freeze()
	d.frozen, d.tasks, d.next = d.tasks, d.frozen[:0], 0
	d.frozenGen = d.gen
	d.gen++
	d.removed, d.erased, d.bytes = nil, nil, 0
	d.keepLast()
	d.old, d.chunks, d.chunk = d.chunks, nil, nil
}

// Capture encodes up to n of the frozen tasks and returns whether all are captured. It needs the write lock, which may
// be released between calls: touch sees to it that Apply does no harm.
func (m *Machine) Capture(n int) bool {
	d := &m.dirty
	for ; n > 0 && d.next < len(d.frozen); n-- {
		f := d.frozen[d.next]
		d.next++
		if r := m.tasks.at(f.slot); r.id == f.id && r.gen == d.frozenGen {
			m.capture(r)
		}
	}
	if d.next < len(d.frozen) {
		return false
	}
	d.frozenGen = 0
	return true
}

// capture encodes a task of the frozen generation.
func (m *Machine) capture(r *record) {
	d := &m.dirty
	m.scratch = m.appendTask(m.scratch[:0], r)
	m.setHash(r, m.scratch)
	c := TaskChange{ID: r.id}
	chunk, chunks := d.chunk, d.chunks // carve from the frozen generation's memory
	d.chunk, d.chunks = d.last(), d.old
	c.Record = d.carve(m.scratch)
	switch {
	case r.payloadLen == 0:
	case r.flags&flagPayloadOnDisk != 0:
		c.KeepPayload = true
	default:
		c.Payload = d.carve(m.arena.get(r.payload, int(r.payloadLen)))
	}
	d.keepLast()
	d.old = d.chunks
	d.chunk, d.chunks = chunk, chunks
	r.flags |= flagOnDisk
	if r.payloadLen > 0 {
		r.flags |= flagPayloadOnDisk
	}
	r.gen = 0
	d.cp.Tasks = append(d.cp.Tasks, c)
}

// last is the frozen generation's chunk with room.
func (d *dirtySet) last() []byte {
	if n := len(d.old); n > 0 {
		return d.old[n-1]
	}
	return nil
}

// keepLast stores how far the last chunk is filled.
func (d *dirtySet) keepLast() {
	if n := len(d.chunks); n > 0 {
		d.chunks[n-1] = d.chunk
	}
}

// Frozen returns the captured checkpoint. It stays valid, and may be read without a lock, until Committed.
func (m *Machine) Frozen() *Checkpoint {
	d := &m.dirty
	if d.cp == nil || d.frozenGen != 0 {
		panic("task: Frozen without a captured checkpoint")
	}
	if !d.sorted {
		slices.SortFunc(d.cp.Tasks, func(a, b TaskChange) int { return cmp.Compare(a.ID, b.ID) })
		d.sorted = true
	}
	return d.cp
}

// Committed tells that the frozen checkpoint is durable: its history is read from disk from now on, and payloads
// beyond the budget, in bytes, leave memory, the newest first, as they are leased last. It needs the write lock.
func (m *Machine) Committed(payloadBudget int) {
	d := &m.dirty
	for i := len(d.cp.Tasks) - 1; i >= 0 && m.resident > payloadBudget; i-- {
		if c := &d.cp.Tasks[i]; len(c.Payload) > 0 {
			m.evict(c.ID)
		}
	}
	d.changes, d.cp = len(d.cp.Tasks), nil
	m.recent.committed()
	for _, c := range d.old {
		if cap(c) == carveChunk && len(d.spare) < maxSpareChunks {
			d.spare = append(d.spare, c)
		}
	}
	d.old = nil
}

func (m *Machine) evict(id ID) {
	s := m.index.get(id)
	if s == 0 {
		return
	}
	r := m.tasks.at(s)
	if r.payload == 0 || r.flags&flagPayloadOnDisk == 0 {
		return
	}
	m.arena.release(r.payload)
	m.resident -= int(r.payloadLen)
	r.payload = 0
}

// changedRecords encodes the records that changed, by kind and key, and forgets that they did.
func (m *Machine) changedRecords() []Record {
	d := &m.dirty
	out := []Record{{Kind: KindMeta, Key: []byte{0}, Value: m.appendMeta(nil)}}
	for k := range d.records {
		key := binary.BigEndian.AppendUint64(nil, k.id)
		switch k.kind {
		case KindUnique, KindTenant, KindSticky, KindScheduleLedger:
			key = bytes.Clone(k.key[:])
		}
		out = append(out, Record{Kind: k.kind, Key: key, Value: m.recordValue(k)})
	}
	l := &m.requests
	for _, seq := range l.gone {
		out = append(out, Record{Kind: KindRequest, Key: binary.BigEndian.AppendUint64(nil, seq)})
	}
	for seq := max(l.saved, l.first); seq < l.first+uint64(len(l.entries)); seq++ {
		e := &l.entries[seq-l.first]
		out = append(out, Record{Kind: KindRequest, Key: binary.BigEndian.AppendUint64(nil, seq), Value: e.append(nil)})
	}
	l.gone, l.saved = nil, l.first+uint64(len(l.entries))
	clear(d.records)
	slices.SortFunc(out, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Key, b.Key))
	})
	return out
}

// recordValue encodes a record as it is now; nil if it is gone.
func (m *Machine) recordValue(k recordKey) []byte {
	switch k.kind {
	case KindQueue:
		q := m.queues[k.id]
		q.dirty = false
		return q.append(nil)
	case KindSession:
		if s, ok := m.sessions.get(k.id); ok {
			s.dirty = false
			return s.append(nil)
		}
	case KindProducer:
		if p, ok := m.producers[k.id]; ok {
			p.dirty = false
			return p.append(nil)
		}
	case KindSchedule, KindScheduleState:
		return m.scheduleValue(k.kind, ID(k.id))
	case KindScheduleLedger:
		return m.ledgerValue(k.key)
	case KindUnique:
		if e, ok := m.unique[k.key]; ok && !m.holds(e.holder, k.key) {
			return e.append(nil)
		}
	case KindSticky:
		if e, ok := m.sticky.byKey[k.key]; ok {
			return e.append(nil)
		}
	case KindParent:
		return m.parentRecord(ID(k.id))
	case KindWorkflow:
		if w := m.workflows.byID[ID(k.id)]; w != nil {
			return w.append(nil)
		}
	case KindBatch:
		if b, ok := m.batches.byID[ID(k.id)]; ok {
			b.dirty = false
			return b.append(nil)
		}
	case KindImport:
		return m.imports.append(nil)
	case KindTenant:
		if t := m.tenants.all[m.tenants.byStored[k.key]]; t != nil && t.isStored() {
			return t.append(nil)
		}
	case KindOperation:
		if o, ok := m.operations.all[ID(k.id)]; ok {
			o.dirty = false
			return o.append(nil)
		}
	case KindArchived:
		if m.archived.Index != 0 {
			return m.archived.append(nil)
		}
	}
	return nil
}

// Hash is the state hash: equal on members that have applied the same entries. It covers the live tasks, queues,
// sessions, schedules, counters and the history's watermarks. It needs the write lock. Its cost grows with what changed since the
// last checkpoint, and with the number of queues and sessions.
func (m *Machine) Hash() uint64 {
	d := &m.dirty
	for _, list := range [][]dirtyTask{d.tasks, d.frozen[min(d.next, len(d.frozen)):]} {
		for _, t := range list {
			if r := m.tasks.at(t.slot); r.id == t.id && r.flags&flagRehash != 0 {
				m.scratch = m.appendTask(m.scratch[:0], r)
				m.setHash(r, m.scratch)
			}
		}
	}
	sum := m.hashSum + m.tenants.hashes.take(m) + m.sticky.sum + m.parents.sum + m.workflows.hashes.take(m) + m.batches.hashes.take(m)
	m.scratch = m.appendMeta(m.scratch[:0])
	sum += hashOf(0, m.scratch)
	for _, q := range m.queues[1:] {
		m.scratch = q.append(m.scratch[:0])
		sum += hashOf(uint64(q.number), m.scratch)
	}
	for _, id := range m.sessions.ids() {
		s, _ := m.sessions.get(id)
		m.scratch = s.append(m.scratch[:0])
		sum += hashOf(id, m.scratch)
	}
	for _, id := range slices.Sorted(maps.Keys(m.producers)) {
		m.scratch = appendUint(m.scratch[:0], m.producers[id].floor)
		sum += hashOf(id, m.scratch)
	}
	return sum + m.schedules.hashes.take(m) + m.operations.hashes.take(m) + m.imports.hash(m) + m.hashArchived()
}

// setHash replaces a task's part in the state hash.
func (m *Machine) setHash(r *record, encoded []byte) {
	h := hashOf(uint64(r.id), encoded)
	m.hashSum += h - r.hash
	r.hash = h
	r.flags &^= flagRehash
}
