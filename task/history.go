package task

// history is what the machine keeps of a queue's finished tasks: how many, how many bytes and since when, in blocks,
// and the watermark below which nothing is read any more. The tasks themselves are on disk.
type history struct {
	first  uint64 // the watermark: the oldest sequence that is kept
	next   uint64 // the sequence of the next task that finishes
	bytes  uint64
	blocks []historyBlock // the last one is open
	armed  bool           // a retention alarm is set
	cut    bool           // the watermark moved since the last Freeze
}

// historyBlock is a run of finished tasks that is dropped as a whole.
type historyBlock struct {
	count uint64
	bytes uint64
	start Time
	last  Time
}

const (
	// maxBlockTasks and maxBlockBytes bound a block, and so how far retention by count and bytes is exceeded.
	maxBlockTasks = 4096
	maxBlockBytes = 1 << 20
	// blockParts is into how many blocks at least a retention by age or count is cut.
	blockParts = 16
)

func newHistory() history { return history{first: 1, next: 1} }

// finishedOverhead is about what a finished task takes on disk besides its record and payload.
const finishedOverhead = 16

// archive puts a copy of a task that ends into its queue's history.
func (m *Machine) archive(r *record, to State, worker string, result []byte) {
	q := m.queues[r.queue]
	if to == Completed {
		q.completed++
	} else {
		q.cancelled++
	}
	f := Finished{ID: r.id, Sequence: q.history.next}
	m.scratch = m.appendFinished(m.scratch[:0], r, q, to, worker, result)
	f.Record = m.dirty.carve(m.scratch)
	switch {
	case r.payload != 0:
		f.Payload = m.dirty.carve(m.arena.get(r.payload, int(r.payloadLen)))
	case r.payloadLen > 0:
		f.PayloadOnDisk = true
	}
	size := uint64(len(f.Record) + int(r.payloadLen) + finishedOverhead)
	q.recent = append(q.recent, f)
	m.recent.add(r.id, recentRef{queue: q.number, seq: f.Sequence})
	m.dirty.bytes += int(size)
	m.enterBlock(q, size)
	m.retain(q)
}

// enterBlock counts one more finished task of the given size.
func (m *Machine) enterBlock(q *queue, size uint64) {
	h := &q.history
	h.next++
	h.bytes += size
	if n := len(h.blocks); n == 0 || m.full(q, &h.blocks[n-1]) {
		h.blocks = append(h.blocks, historyBlock{start: m.now})
	}
	b := &h.blocks[len(h.blocks)-1]
	b.count++
	b.bytes += size
	b.last = m.now
	if !h.armed {
		m.armRetention(q)
	}
}

func (m *Machine) full(q *queue, b *historyBlock) bool {
	limit := uint64(maxBlockTasks)
	if n := q.settings.RetentionTasks; n > 0 {
		limit = min(limit, max(n/blockParts, 1))
	}
	return b.count >= limit || b.bytes >= maxBlockBytes || m.now-b.start >= q.retentionAge()/blockParts
}

func (q *queue) retentionAge() Duration {
	return first(q.settings.RetentionAge, defaultRetentionAge)
}

// retain moves the watermark past the blocks that are too many or too old.
func (m *Machine) retain(q *queue) {
	h, s := &q.history, &q.settings
	maxBytes := first(s.RetentionBytes, defaultRetentionBytes)
	for len(h.blocks) > 0 && !m.suspended() {
		b := &h.blocks[0]
		old := after(b.last, q.retentionAge()) <= m.now
		spare := len(h.blocks) > 1
		many := spare && s.RetentionTasks > 0 && h.next-h.first-b.count >= s.RetentionTasks
		large := spare && h.bytes > maxBytes
		if !old && !many && !large {
			break
		}
		h.first += b.count
		h.bytes -= b.bytes
		h.blocks = h.blocks[1:]
		h.cut = true
		m.touchQueue(q)
	}
	if len(h.blocks) > 0 && !h.armed {
		m.armRetention(q)
	}
}

func (m *Machine) armRetention(q *queue) {
	q.history.armed = true
	at := after(q.history.blocks[0].last, q.retentionAge())
	m.alarms.push(alarm{at: at, kind: alarmRetention, id: uint64(q.number)})
}

func (m *Machine) retentionAlarm(q *queue) {
	q.history.armed = false
	m.retain(q)
}

// eraseFinished forgets one finished task, wherever it is by now.
func (m *Machine) eraseFinished(q *queue, f FinishedRef) {
	m.dirty.erased = append(m.dirty.erased, f)
	m.recent.erase(f.ID)
	q.deleted++
	m.touchQueue(q)
}

// recentRef says where a finished task is that isn't committed to disk yet.
type recentRef struct {
	queue uint32
	seq   uint64
}

// recentIndex finds finished tasks that aren't committed to disk yet, and those that were deleted and still are on disk:
// of the generation since the last Freeze, and of the frozen one.
type recentIndex struct {
	current, frozen       map[ID]recentRef
	erased, erasingFrozen map[ID]struct{}
}

func newRecentIndex() recentIndex {
	return recentIndex{
		current: map[ID]recentRef{}, frozen: map[ID]recentRef{},
		erased: map[ID]struct{}{}, erasingFrozen: map[ID]struct{}{},
	}
}

func (x *recentIndex) add(id ID, f recentRef) { x.current[id] = f }

func (x *recentIndex) erase(id ID) {
	delete(x.current, id)
	delete(x.frozen, id)
	x.erased[id] = struct{}{}
}

func (x *recentIndex) get(id ID) (recentRef, bool) {
	if f, ok := x.current[id]; ok {
		return f, true
	}
	f, ok := x.frozen[id]
	return f, ok
}

func (x *recentIndex) freeze() {
	x.current, x.frozen = x.frozen, x.current
	x.erased, x.erasingFrozen = x.erasingFrozen, x.erased
}

func (x *recentIndex) committed() {
	clear(x.frozen)
	clear(x.erasingFrozen)
}

// Erased reports whether a finished task was deleted by an entry that the state file doesn't have yet.
func (m *Machine) Erased(id ID) bool {
	_, now := m.recent.erased[id]
	_, frozen := m.recent.erasingFrozen[id]
	return now || frozen
}
