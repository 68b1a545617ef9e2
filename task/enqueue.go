package task

import (
	"hash/crc32"
	"slices"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// enqueue accepts tasks one by one, once for each (producer, sequence, part). A parent that must be resolved again
// refuses the whole command, before anything is done or remembered.
func (m *Machine) enqueue(c *Enqueue) Result {
	var p *producer
	if c.Producer != 0 {
		if p = m.producers[c.Producer]; p == nil {
			return Result{Code: UnknownProducer}
		}
		m.touchProducer(p)
		if answer, known := p.recall(c); known {
			return answer
		}
	}
	for i := range c.Tasks {
		if _, code := m.resolveParents(&c.Tasks[i]); code == ResolveAgain {
			return Result{Code: ResolveAgain}
		}
	}
	items := m.acceptAll(c.Tasks)
	if p != nil {
		p.remember(c, items)
	}
	return Result{Items: items}
}

func (m *Machine) acceptAll(tasks []NewTask) []Item {
	items := make([]Item, len(tasks))
	for i := range tasks {
		items[i] = m.accept(&tasks[i])
	}
	return items
}

// accept makes one task, or says why not.
func (m *Machine) accept(t *NewTask) Item { return m.acceptFor(t, source{}) }

// source is what made a task, where that isn't a call alone.
type source struct {
	tick     tickRef   // of a schedule; zero: none
	workflow *workflow // nil: none
}

// acceptFor makes one task of a source, or says why not.
func (m *Machine) acceptFor(t *NewTask, by source) Item {
	if len(t.Payload) > maxPayload {
		return Item{Code: Invalid}
	}
	q, code := m.queueFor(t.Queue)
	if code != OK {
		return Item{Code: code}
	}
	if q.mode == QueueDraining {
		return Item{Code: Draining}
	}
	if code := m.admitToBatch(t.Batch); code != OK {
		return Item{Code: code}
	}
	line, code := m.resolveParents(t)
	if code != OK {
		return Item{Code: code}
	}
	key := uniqueKey{}
	if t.UniqueKey == "" {
		if !q.admits(len(t.Payload), nil) {
			return Item{Code: QueueFull}
		}
	} else {
		key = makeUniqueKey(q.number, t.UniqueKey)
		if answer, free := m.makeWay(q, key, t, line.waits); !free {
			return answer
		}
	}
	return m.create(q, t, key, &line, by)
}

// makeWay makes way for a task with a unique key: it returns the answer to the one who wanted it, or that the key is free and
// the queue has room.
func (m *Machine) makeWay(q *queue, key uniqueKey, t *NewTask, waits []ID) (answer Item, free bool) {
	if t.UniqueMode == UniqueDebounce {
		if answer, done := m.debounce(q, key, t); done {
			return answer, false
		}
	}
	answer, victim, free := m.claim(key, t.UniqueMode)
	if !free {
		return answer, false
	}
	if victim == 0 {
		return Item{Code: QueueFull}, q.admits(len(t.Payload), nil)
	}
	r := m.tasks.at(victim)
	switch {
	case r.state == Running: // of debouncing: it goes on without the key
		if !q.admits(len(t.Payload), nil) {
			return Item{Code: QueueFull}, false
		}
		m.touch(victim, r)
		r.flags &^= flagUnique
	case slices.Contains(waits, r.id): // it can't wait for what it replaces
		return Item{ID: r.id, Code: DependencyFailed}, false
	case !q.admits(len(t.Payload), r):
		return Item{Code: QueueFull}, false
	default:
		m.toFinished(victim, r, Cancelled, ReasonReplaced, nil)
	}
	return Item{}, true
}

// create makes a task that was accepted.
func (m *Machine) create(q *queue, t *NewTask, key uniqueKey, line *lineage, by source) Item {
	s, r := m.tasks.alloc()
	r.id = m.nextID
	m.nextID++
	r.queue, r.kind = q.number, m.kinds.hold(t.Kind)
	r.priority, r.enqueued = t.Priority, m.now
	m.applyLimits(r, t, &q.settings)
	m.takePayload(r, t.Payload)
	if line.never != 0 {
		line.waits = append(line.waits, line.never)
	}
	if !t.isPlain() || len(line.waits)+len(line.parents) > 0 || by != (source{}) {
		m.enterCold(r, t, line, by)
	}
	m.index.put(r.id, s)
	q.enqueued++
	q.live[None]++
	if t.UniqueKey != "" {
		r.flags |= flagUnique
		m.hold(key, r.id, t.UniqueWindow)
	}
	m.adoptNew(r, t, line.parents)
	m.await(r.id, line.waits)
	if line.never != 0 {
		m.neverNeeded(line.never)
	}
	if t.Batch != 0 {
		r.flags |= flagBatch
	}
	m.begin(s, r, t, len(line.waits) > 0)
	return Item{ID: r.id, State: r.state}
}

// enterCold notes what few tasks have.
func (m *Machine) enterCold(r *record, t *NewTask, line *lineage, by source) {
	c := newCold(t, line)
	if by.tick.schedule != "" {
		c.tick = by.tick
		r.flags |= flagScheduled
	}
	if w := by.workflow; w != nil {
		c.workflow, c.ref = w.id, t.Ref
		r.flags |= flagMember
	}
	m.setCold(r, c)
	r.flow = m.flows.hold(m.flowOf(&c), &m.requirements)
}

// isPlain reports whether a task has nothing that is kept in its cold fields.
func (t *NewTask) isPlain() bool {
	return t.presence()&^(hasRunAt|hasLimits|hasTimes) == 0 && t.callbackOf == 0
}

// begin gives a new task its first state.
func (m *Machine) begin(s slot, r *record, t *NewTask, blocked bool) {
	at := t.runAt(m.now)
	if blocked {
		r.at = at // for when it is unblocked
		m.transit(s, r, Blocked)
		return
	}
	m.toScheduled(s, r, at)
}

// applyLimits resolves a task's limits: its own, else the queue's, else the built-in ones.
func (m *Machine) applyLimits(r *record, t *NewTask, q *QueueSettings) {
	r.maxAttempts = first(t.MaxAttempts, q.MaxAttempts, defaultMaxAttempts)
	r.maxDeaths = first(t.MaxWorkerDeaths, q.MaxWorkerDeaths, defaultMaxWorkerDeaths)
	if timeout := first(t.Timeout, q.Timeout); timeout > 0 {
		r.timeoutMS = uint32(min(max(timeout/1000, 1), 1<<32-1))
	}
	if ttl := first(t.TTL, q.TTL); ttl > 0 {
		r.expires = after(m.now, ttl)
	}
}

// first returns the first value that isn't zero.
func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
