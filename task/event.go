package task

import (
	"errors"
	"math"
	"math/bits"
	"sort"
	"strconv"
	"strings"
)

// Position is a place in the stream of events, behind the event that it names: the entry of the log, and the event's
// number among those of the entry, from 0. As members execute the same entries, it is the same on all of them.
type Position struct {
	Index   uint64
	Ordinal uint32
}

// entryEnd is the ordinal behind all events of an entry.
const entryEnd = math.MaxUint32

// EndOf is the position behind all that an entry of the log did, whether or not it had events.
func EndOf(index uint64) Position { return Position{index, entryEnd} }

// IsEnd reports whether the position is behind all events of its entry.
func (p Position) IsEnd() bool { return p.Ordinal == entryEnd }

// Before reports whether p comes before o.
func (p Position) Before(o Position) bool {
	return p.Index < o.Index || p.Index == o.Index && p.Ordinal < o.Ordinal
}

// String returns the text that ParsePosition reads: "17" behind entry 17, "17.3" behind its fourth event.
func (p Position) String() string {
	text := strconv.FormatUint(p.Index, 10)
	if p.Ordinal == entryEnd {
		return text
	}
	return text + "." + strconv.FormatUint(uint64(p.Ordinal), 10)
}

// ErrBadPosition is returned by ParsePosition for anything that isn't a position.
var ErrBadPosition = errors.New("not a position: want what an answer or an event carried, such as 17 or 17.3")

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	index, ordinal, some := strings.Cut(s, ".")
	i, err := strconv.ParseUint(index, 10, 64)
	if err != nil {
		return Position{}, ErrBadPosition
	}
	if !some {
		return EndOf(i), nil
	}
	o, err := strconv.ParseUint(ordinal, 10, 32)
	if err != nil || o == entryEnd {
		return Position{}, ErrBadPosition
	}
	return Position{i, uint32(o)}, nil
}

// EventKind is what an event tells.
type EventKind uint8

// The kinds of events.
const (
	// EventState: the task went from one state to another, or to the same anew (a scheduled task that was rescheduled). From
	// None: it is new; to None: it was deleted.
	EventState EventKind = iota
	// EventMoved: the task is in another queue now, in the state in which it was.
	EventMoved
	// EventProgress: the task's worker gave a sign of progress.
	EventProgress
)

// Event is something that happened to a task. It is a copy: it stays valid.
type Event struct {
	Position  Position
	Kind      EventKind
	At        Time
	ID        ID
	Queue     string
	FromQueue string // of EventMoved
	TaskKind  string
	From, To  State
	Reason    Reason
	Attempt   uint16
	Failures  uint16
	Percent   uint8 // of EventProgress
}

// eventRecord is an event as the ring has it: 48 bytes without a pointer. Queues are never removed, so that a number stands
// for a queue; the number of a kind is held in the interner while the record is in the ring.
type eventRecord struct {
	index     uint64
	at        Time
	id        ID
	ordinal   uint32
	queue     uint32
	fromQueue uint32
	taskKind  uint32
	attempt   uint16
	failures  uint16
	from, to  State
	kind      EventKind
	detail    uint8 // the reason, or the percentage
}

func (e *eventRecord) position() Position { return Position{e.index, e.ordinal} }

// eventLog has the newest events, in a ring. It is no part of the replicated state: how many there are is each member's own
// choice, and after a restart the ring begins with what is executed again. What is in it is the same everywhere.
type eventLog struct {
	ring    []eventRecord // a power of two
	total   uint64        // events so far; the newest is at total-1
	since   uint64        // the entry behind which this machine has seen everything
	index   uint64        // of the entry that is being, or was last, executed
	ordinal uint32        // of the entry's next event
}

// KeepEvents makes room for the newest events, a number that is rounded up to a power of two; 0: none are kept. The machine
// has executed the log up to the entry of the given index. Call it once, before Apply.
func (m *Machine) KeepEvents(number int, since uint64) {
	m.events = eventLog{since: since, index: since}
	if number > 0 {
		m.events.ring = make([]eventRecord, 1<<bits.Len(uint(number-1)))
	}
}

// BeginEntry says which entry of the log Apply executes next, for the positions of its events.
func (m *Machine) BeginEntry(index uint64) { m.events.index, m.events.ordinal = index, 0 }

// EventsSince is the entry behind which this machine has seen everything. A machine that took the place of another by a
// snapshot has another one.
func (m *Machine) EventsSince() uint64 { return m.events.since }

// OldestEvents is the position behind which this machine knows everything: from there, nothing that it has is left out.
func (m *Machine) OldestEvents() Position { return m.events.lost() }

// emit notes that a task changed its state.
func (m *Machine) emit(r *record, from, to State) {
	if e := m.events.next(&m.kinds, r); e != nil {
		e.kind, e.from, e.to, e.detail, e.at = EventState, from, to, uint8(r.reason), m.now
	}
}

// emitMoved notes that a task came from another queue.
func (m *Machine) emitMoved(r *record, from *queue) {
	if e := m.events.next(&m.kinds, r); e != nil {
		e.kind, e.from, e.to, e.detail, e.at = EventMoved, r.state, r.state, uint8(r.reason), m.now
		e.fromQueue = from.number
	}
}

// emitProgress notes a sign of progress.
func (m *Machine) emitProgress(r *record, percent uint8) {
	if e := m.events.next(&m.kinds, r); e != nil {
		e.kind, e.from, e.to, e.detail, e.at = EventProgress, r.state, r.state, percent, m.now
	}
}

// next returns the place of the next event, with what a record says; nil: none are kept.
func (l *eventLog) next(kinds *interner, r *record) *eventRecord {
	if len(l.ring) == 0 {
		return nil
	}
	e := &l.ring[l.total&uint64(len(l.ring)-1)]
	if e.taskKind != 0 {
		kinds.release(e.taskKind)
	}
	if r.kind != 0 {
		kinds.refs[r.kind]++
	}
	e.index, e.ordinal, e.id = l.index, l.ordinal, r.id
	e.queue, e.taskKind, e.fromQueue = r.queue, r.kind, 0
	e.attempt, e.failures = r.attempt, r.failures
	l.total++
	l.ordinal++
	return e
}

// lost is the newest position behind which some event isn't known any more: from there on nothing is missing.
func (l *eventLog) lost() Position {
	if n := uint64(len(l.ring)); n > 0 && l.total > n {
		return l.ring[l.total&(n-1)].position() // the oldest that is there may have had others before it
	}
	return EndOf(l.since)
}

// EventFilter selects events. Zero fields select all.
type EventFilter struct {
	IDs      map[ID]struct{}
	Queue    string // moves match by either queue
	TaskKind string
	States   []State // the state that it came to
	Progress bool    // signs of progress too
}

// ErrPositionLost means that events behind the position are no longer, or were never, known here.
var ErrPositionLost = errors.New("the events behind this position aren't kept any more")

// Events returns up to limit events behind a position that the filter selects, having looked at up to scan of them, and the
// position from which to go on: that of the last entry if there are no more. ErrPositionLost: events are missing.
func (m *Machine) Events(f *EventFilter, after Position, limit, scan int) ([]Event, Position, error) {
	l := &m.events
	end := EndOf(l.index)
	if len(l.ring) == 0 || after.Before(l.lost()) {
		return nil, end, ErrPositionLost
	}
	if !after.Before(end) {
		return nil, after, nil
	}
	n := min(l.total, uint64(len(l.ring)))
	mask := uint64(len(l.ring) - 1)
	first := l.total - n + uint64(sort.Search(int(n), func(i int) bool {
		return after.Before(l.ring[(l.total-n+uint64(i))&mask].position())
	}))
	match := m.compile(f)
	var out []Event
	for i := first; i < l.total; i++ {
		if len(out) == limit || scan == 0 {
			return out, after, nil
		}
		scan--
		e := &l.ring[i&mask]
		after = e.position()
		if match.selects(e) {
			out = append(out, m.event(e))
		}
	}
	return out, end, nil
}

// eventMatch is a filter in the numbers of this machine.
type eventMatch struct {
	*EventFilter
	queue, kind uint32
	nothing     bool // there is no such queue or kind
	states      uint16
}

func (m *Machine) compile(f *EventFilter) eventMatch {
	c := eventMatch{EventFilter: f, states: states(f.States...)}
	if f.Queue != "" {
		q, ok := m.queueNames[f.Queue]
		if !ok {
			c.nothing = true
			return c
		}
		c.queue = q.number
	}
	if f.TaskKind != "" {
		kind, ok := m.kinds.byName[f.TaskKind]
		c.kind, c.nothing = kind, !ok
	}
	return c
}

func (c *eventMatch) selects(e *eventRecord) bool {
	if c.nothing || (c.queue != 0 && e.queue != c.queue && e.fromQueue != c.queue) || (c.kind != 0 && e.taskKind != c.kind) {
		return false
	}
	if (e.kind == EventProgress && !c.Progress) || (c.states != 0 && c.states&(1<<e.to) == 0) {
		return false
	}
	if c.IDs == nil {
		return true
	}
	_, ok := c.IDs[e.id]
	return ok
}

// event spells a record out.
func (m *Machine) event(e *eventRecord) Event {
	v := Event{
		Position: e.position(), Kind: e.kind, At: e.at, ID: e.id, Queue: m.queues[e.queue].name, TaskKind: m.kinds.names[e.taskKind],
		From: e.from, To: e.to, Attempt: e.attempt, Failures: e.failures,
	}
	if e.fromQueue != 0 {
		v.FromQueue = m.queues[e.fromQueue].name
	}
	if e.kind == EventProgress {
		v.Percent = e.detail
	} else {
		v.Reason = Reason(e.detail)
	}
	return v
}
