package task

import (
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// recordVersion is the version of the records of the state file, and leveledMeta that of the counters' from feature level 2
// on: the level follows, which says whether the rest can be read.
const (
	recordVersion = 1
	leveledMeta   = 2
)

// hashOf is a record's part in the state hash. Parts are added up, so that the order doesn't matter.
func hashOf(id uint64, encoded []byte) uint64 { return mix(xxhash.Sum64(encoded) ^ mix(id)) }

// appendTask encodes a live task without its payload: the canonical form, equal on every member.
func (m *Machine) appendTask(b []byte, r *record) []byte {
	b = append(b, recordVersion, byte(r.state), byte(r.reason), r.priority, byte(b2i(r.flags&flagUnique != 0)))
	b = appendUint(b, uint64(r.queue))
	b = appendBytes(b, m.kinds.names[r.kind])
	b = appendUint(appendUint(b, uint64(r.payloadLen)), uint64(r.payloadSum))
	b = appendInt(appendInt(appendInt(appendInt(b, r.enqueued), r.at), r.expires), r.started)
	b = appendUint(b, r.token)
	var order int64
	var session uint64
	switch r.state {
	case Pending:
		order, session = r.order, m.reservedFor(r)
	case Running:
		session = m.sessions.all[r.owner].id
	}
	b = appendUint(appendInt(b, order), session)
	b = appendUint(appendUint(appendUint(b, uint64(r.attempt)), uint64(r.maxAttempts)), uint64(r.failures))
	b = appendUint(append(b, r.deaths, r.maxDeaths), uint64(r.timeoutMS))
	return append(b, m.coldBytes(r)...)
}

// storedTask is a decoded live record: what the slab holds as places in tables is spelled out.
type storedTask struct {
	record
	kindName string
	session  uint64
	cold     []byte
	origin   string // of the cold fields
}

func readTask(b []byte) (storedTask, error) {
	r := reader{b: b}
	var t storedTask
	if r.byte() != recordVersion {
		return t, errCorrupt
	}
	t.state, t.reason = State(r.byteMax(byte(stateCount-1))), Reason(r.byteMax(byte(reasonCount-1)))
	t.priority = r.byteMax(priorities - 1)
	if r.bool() {
		t.flags |= flagUnique
	}
	t.queue, t.kindName = uint32(r.uintMax(1<<32-1)), r.string()
	t.payloadLen, t.payloadSum = uint32(r.uintMax(maxPayload)), uint32(r.uintMax(1<<32-1))
	t.enqueued, t.at, t.expires, t.started = r.int(), r.int(), r.int(), r.int()
	t.token, t.order, t.session = r.uint(), r.int(), r.uint()
	t.attempt, t.maxAttempts, t.failures = uint16(r.uintMax(1<<16-1)), uint16(r.uintMax(1<<16-1)), uint16(r.uintMax(1<<16-1))
	t.deaths, t.maxDeaths, t.timeoutMS = r.byte(), r.byte(), uint32(r.uintMax(1<<32-1))
	t.cold = r.b
	if r.bad || t.state == None || t.state.Finished() {
		return t, errCorrupt
	}
	var c cold
	c.read(&r)
	if c.tick.schedule != "" {
		t.flags |= flagScheduled
	}
	t.origin = c.origin
	return t, r.done()
}

// appendFinished encodes a task that ends, without its payload.
func (m *Machine) appendFinished(b []byte, r *record, q *queue, to State, worker string, result []byte) []byte {
	b = append(b, recordVersion, byte(to), byte(r.reason), r.priority, r.deaths, r.maxDeaths)
	b = appendUint(appendUint(appendUint(b, uint64(r.id)), uint64(q.number)), q.history.next)
	b = appendBytes(appendBytes(b, q.name), m.kinds.names[r.kind])
	b = appendUint(b, uint64(r.payloadLen))
	b = appendInt(b, r.enqueued)
	b = appendInt(appendInt(b, r.started), m.now)
	b = appendInt(b, r.expires)
	b = appendUint(b, r.token)
	b = appendUint(appendUint(appendUint(b, uint64(r.attempt)), uint64(r.maxAttempts)), uint64(r.failures))
	b = appendUint(b, uint64(r.timeoutMS))
	b = appendBytes(appendBytes(b, worker), result)
	return append(b, m.coldBytes(r)...)
}

// DecodeFinished reads a record of the history. The task keeps nothing of the bytes.
func DecodeFinished(b []byte) (Task, error) {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return Task{}, errCorrupt
	}
	var t Task
	t.State, t.Reason = State(r.byteMax(byte(stateCount-1))), Reason(r.byteMax(byte(reasonCount-1)))
	t.Priority, t.WorkerDeaths, t.MaxWorkerDeaths = r.byteMax(priorities-1), r.byte(), r.byte()
	t.ID, t.QueueNumber, t.HistorySequence = ID(r.uint()), uint32(r.uintMax(1<<32-1)), r.uint()
	t.Queue, t.Kind = strings.Clone(r.string()), strings.Clone(r.string())
	t.PayloadLen = uint32(r.uintMax(maxPayload))
	t.EnqueuedAt, t.StartedAt, t.FinishedAt, t.ExpiresAt = r.int(), r.int(), r.int(), r.int()
	t.Token = r.uint()
	t.Attempt, t.MaxAttempts, t.Failures = uint16(r.uintMax(1<<16-1)), uint16(r.uintMax(1<<16-1)), uint16(r.uintMax(1<<16-1))
	t.Timeout = Duration(r.uintMax(1<<32-1)) * 1000
	t.Worker = strings.Clone(r.string())
	t.Result = slices.Clone(r.bytes())
	var c cold
	c.read(&r)
	if !t.State.Finished() {
		r.fail()
	}
	if err := r.done(); err != nil {
		return Task{}, err
	}
	c.clone()
	t.setCold(&c)
	return t, nil
}

func (t *Task) setCold(c *cold) {
	t.UniqueKey, t.UniqueWindow, t.FairKey, t.Labels, t.TraceContext = c.uniqueKey, c.uniqueWindow, c.fairKey, c.labels, c.trace
	t.Backoff, t.DependsOn, t.RetryOf = c.backoff, c.waits, c.retryOf
	t.Errors, t.Progress = c.errors, c.progress
	t.SingletonKey, t.StickyKey, t.Require = c.singleton, c.sticky, c.require
	t.Schedule, t.NominalTime = c.tick.schedule, c.tick.nominal
	t.OriginQueue = c.origin
	t.Parents, t.OnParentFailure, t.Workflow, t.Ref = c.parents, c.onFailure, c.workflow, c.ref
	t.Batch, t.CallbackOf, t.Callback = c.batch, c.callbackOf, c.callback
}

// appendMeta encodes the counters.
func (m *Machine) appendMeta(b []byte) []byte {
	if m.level == BaseLevel {
		b = append(b, recordVersion)
	} else {
		b = appendUint(append(b, leveledMeta), uint64(m.level))
	}
	b = appendInt(appendInt(appendInt(b, m.now), m.front), m.back)
	b = appendUint(appendUint(b, uint64(m.nextID)), m.lastToken)
	b = appendUint(appendUint(b, m.lastSession), m.lastProducer)
	b = appendUint(b, m.requests.first)
	b = appendUint(b, uint64(len(m.purges)))
	for _, n := range m.purges {
		b = appendUint(b, uint64(n))
	}
	b = appendUint(b, uint64(len(m.cascades)))
	for _, c := range m.cascades {
		b = appendUint(appendBool(appendUint(b, uint64(c.parent)), c.ok), uint64(c.below))
	}
	return m.appendMetaTags(b)
}

func (m *Machine) readMeta(b []byte) error {
	r := reader{b: b}
	switch r.byte() {
	case recordVersion:
	case leveledMeta:
		m.level = uint32(r.uintMax(1<<32 - 1))
		if r.bad || m.level <= BaseLevel {
			return errCorrupt
		}
		if err := m.admitLevel(m.level); err != nil {
			return err
		}
	default:
		return errCorrupt
	}
	m.now, m.front, m.back = r.int(), r.int(), r.int()
	m.nextID, m.lastToken = ID(r.uint()), r.uint()
	m.lastSession, m.lastProducer = r.uint(), r.uint()
	m.requests.first = r.uint()
	m.requests.saved = m.requests.first
	for range r.count() {
		m.purges = append(m.purges, uint32(r.uintMax(1<<32-1)))
	}
	for range r.count() {
		m.cascades = append(m.cascades, cascade{parent: ID(r.uint()), ok: r.bool(), below: ID(r.uint())})
	}
	m.readMetaTags(&r)
	return r.done()
}

// taggedQueue is the version of a queue's record that is followed by tagged fields, as one has that uses what came later.
const taggedQueue = 2

func (q *queue) append(b []byte) []byte {
	tags := q.appendTags(nil)
	version := byte(recordVersion)
	if len(tags) > 0 {
		version = taggedQueue
	}
	b = append(b, version, byte(q.mode))
	b = appendBytes(b, q.name)
	b = q.settings.append(b)
	for _, n := range q.totals() {
		b = appendUint(b, *n)
	}
	b = appendUint(appendUint(b, uint64(q.purgeMark)), uint64(q.purgeCursor))
	h := &q.history
	b = appendUint(appendUint(appendUint(b, h.first), h.next), h.bytes)
	b = appendUint(b, uint64(len(h.blocks)))
	for _, k := range h.blocks {
		b = appendInt(appendInt(appendUint(appendUint(b, k.count), k.bytes), k.start), k.last)
	}
	return append(b, tags...)
}

func (q *queue) totals() []*uint64 {
	return []*uint64{&q.enqueued, &q.completed, &q.cancelled, &q.deleted, &q.deadLettered, &q.failures}
}

func readQueue(number uint32, b []byte) (*queue, error) {
	r := reader{b: b}
	version := r.byte()
	if version != recordVersion && version != taggedQueue {
		return nil, errCorrupt
	}
	q := &queue{number: number, mode: QueueMode(r.byteMax(byte(queueModeCount - 1))), name: strings.Clone(r.string())}
	q.settings.read(&r)
	for _, n := range q.totals() {
		*n = r.uint()
	}
	q.purgeMark, q.purgeCursor = ID(r.uint()), ID(r.uint())
	h := &q.history
	h.first, h.next, h.bytes = r.uint(), r.uint(), r.uint()
	for range r.count() {
		h.blocks = append(h.blocks, historyBlock{count: r.uint(), bytes: r.uint(), start: r.int(), last: r.int()})
	}
	if version == taggedQueue {
		q.readTags(&r)
	}
	return q, r.done()
}

// drainingSession is the version of the record of a session that takes no more.
const drainingSession = 2

func (s *session) append(b []byte) []byte {
	version := byte(recordVersion)
	if s.draining {
		version = drainingSession
	}
	b = append(b, version)
	b = appendBytes(appendBytes(b, s.worker), s.pool)
	b = appendInt(appendInt(b, s.openedAt), s.silent)
	b = appendUint(b, uint64(len(s.queues)))
	for _, q := range s.queues {
		b = appendInt(appendInt(appendBytes(b, q.name), q.weight), q.current)
	}
	b = appendUint(b, uint64(len(s.kinds)))
	for _, k := range s.kinds {
		b = appendBytes(b, k)
	}
	return appendLabels(b, s.labels)
}

func readSession(id uint64, b []byte) (*session, error) {
	r := reader{b: b}
	version := r.byte()
	if version != recordVersion && version != drainingSession {
		return nil, errCorrupt
	}
	s := &session{
		id: id, worker: strings.Clone(r.string()), pool: strings.Clone(r.string()), openedAt: r.int(), silent: r.int(),
		draining: version == drainingSession,
	}
	for range r.count() {
		s.queues = append(s.queues, servedQueue{name: strings.Clone(r.string()), weight: r.int(), current: r.int()})
	}
	for range r.count() {
		s.kinds = append(s.kinds, strings.Clone(r.string()))
	}
	s.labels = cloneLabels(r.labels())
	return s, r.done()
}

func (p *producer) append(b []byte) []byte {
	b = append(b, recordVersion)
	b = appendBytes(b, p.name)
	b = appendUint(appendInt(b, p.lastUsed), p.floor)
	n := 0
	for _, seq := range sortedKeys(p.answers) {
		n += len(p.answers[seq])
	}
	b = appendUint(b, uint64(n))
	for _, seq := range sortedKeys(p.answers) {
		for _, a := range p.answers[seq] {
			b = appendUint(appendUint(b, seq), uint64(a.part))
			b = appendBytes(b, a.items)
		}
	}
	return b
}

func readProducer(id uint64, b []byte) (*producer, error) {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return nil, errCorrupt
	}
	p := &producer{id: id, name: strings.Clone(r.string()), lastUsed: r.int(), floor: r.uint(), answers: map[uint64][]answer{}}
	for range r.count() {
		seq := r.uint()
		a := answer{part: uint32(r.uintMax(1<<32 - 1)), items: slices.Clone(r.bytes())}
		if _, err := readItems(a.items); err != nil {
			return nil, err
		}
		p.answers[seq] = append(p.answers[seq], a)
		p.bytes += len(a.items)
	}
	return p, r.done()
}

func (e *requestEntry) append(b []byte) []byte {
	b = appendBytes(append(b, recordVersion), e.id)
	b = append(appendInt(b, e.at), byte(e.code))
	return appendBytes(b, e.items)
}

func readRequest(b []byte) (requestEntry, error) {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return requestEntry{}, errCorrupt
	}
	e := requestEntry{id: strings.Clone(r.string()), at: r.int(), code: Code(r.byteMax(byte(codeCount - 1))), items: slices.Clone(r.bytes())}
	if _, err := readItems(e.items); err != nil {
		return requestEntry{}, err
	}
	return e, r.done()
}

func (e *uniqueEntry) append(b []byte) []byte {
	return appendInt(appendUint(append(b, recordVersion), uint64(e.holder)), e.until)
}

func readUnique(b []byte) (uniqueEntry, error) {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return uniqueEntry{}, errCorrupt
	}
	e := uniqueEntry{holder: ID(r.uint()), until: r.int()}
	return e, r.done()
}

// DecodeTask reads the record of a live task, for tools that look at a state file without building a machine. The task
// keeps nothing of the bytes.
func DecodeTask(id ID, b []byte, queueName func(number uint32) string) (Task, error) {
	s, err := readTask(b)
	if err != nil {
		return Task{}, err
	}
	r := &s.record
	t := Task{
		ID: id, Queue: queueName(r.queue), QueueNumber: r.queue, Kind: strings.Clone(s.kindName), State: r.state,
		Reason: r.reason, Priority: r.priority, PayloadLen: r.payloadLen, PayloadOnDisk: r.payloadLen > 0,
		Attempt: r.attempt, MaxAttempts: r.maxAttempts, Failures: r.failures, WorkerDeaths: r.deaths,
		MaxWorkerDeaths: r.maxDeaths, Timeout: Duration(r.timeoutMS) * 1000, EnqueuedAt: r.enqueued,
		ExpiresAt: r.expires, StartedAt: r.started, Token: r.token,
	}
	if r.state == Running {
		t.Session = s.session
	}
	var c cold
	c.read(&reader{b: s.cold})
	c.clone()
	t.setCold(&c)
	t.setTimes(r.state, r.at)
	return t, nil
}

// setTimes says what a record's timer means in its state.
func (t *Task) setTimes(s State, at Time) {
	switch s {
	case Scheduled, Blocked:
		t.RunAt = at
	case Running:
		t.Deadline = at
	case DeadLetter:
		t.FinishedAt = at
	}
}
