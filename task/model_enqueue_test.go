package task_test

import (
	"cmp"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// modelProducer is what makes a producer's enqueues idempotent.
type modelProducer struct {
	seen    task.Time
	floor   uint64 // sequences below it are forgotten
	answers map[uint64]map[uint32][]task.Item
}

func (m *model) openProducer() task.Result {
	m.lastProducer++
	m.producers[m.lastProducer] = &modelProducer{seen: m.now, floor: 1, answers: map[uint64]map[uint32][]task.Item{}}
	return task.Result{Items: []task.Item{{ID: task.ID(m.lastProducer)}}}
}

func (m *model) enqueue(c *task.Enqueue) task.Result {
	p, ok := m.producers[c.Producer]
	if c.Producer != 0 {
		if !ok {
			return task.Result{Code: task.UnknownProducer}
		}
		p.seen = m.now
		p.forgetBelow(c.AckedBelow)
		if c.Sequence < p.floor {
			return task.Result{Code: task.SequenceForgotten}
		}
		if answer, ok := p.answers[c.Sequence][c.Part]; ok {
			return task.Result{Items: answer}
		}
	}
	for _, n := range c.Tasks { // one parent that must be looked up refuses all, before anything is done
		if _, code := m.unfinishedParents(n); code == task.ResolveAgain {
			return task.Result{Code: code}
		}
	}
	r := items(c.Tasks, m.enqueueOne)
	if c.Producer == 0 {
		return r
	}
	if p.answers[c.Sequence] == nil {
		p.answers[c.Sequence] = map[uint32][]task.Item{}
	}
	p.answers[c.Sequence][c.Part] = r.Items
	if len(p.answers) > producerWindow {
		oldest := c.Sequence
		for s := range p.answers {
			oldest = min(oldest, s)
		}
		p.forgetBelow(oldest + 1)
	}
	return r
}

func (p *modelProducer) forgetBelow(floor uint64) {
	p.floor = max(p.floor, floor)
	for s := range p.answers {
		if s < p.floor {
			delete(p.answers, s)
		}
	}
}

func (m *model) enqueueOne(n task.NewTask) task.Item { return m.enqueueFor(n, 0) }

// enqueueFor accepts a task of a workflow, or with 0 of none.
func (m *model) enqueueFor(n task.NewTask, workflow task.ID) task.Item {
	q := m.ensureQueue(n.Queue)
	if q.Mode == task.QueueDraining {
		return task.Item{Code: task.Draining}
	}
	if n.Batch != 0 {
		if b, ok := m.batches[n.Batch]; !ok {
			return task.Item{Code: task.NoSuchBatch}
		} else if b.ClosedAt != 0 {
			return task.Item{Code: task.BatchClosed}
		}
	}
	waits, code := m.unfinishedParents(n)
	if code != task.OK {
		return task.Item{Code: code}
	}
	key := modelKey{q.Number, n.UniqueKey}
	h, taken := modelHold{}, false
	if n.UniqueKey != "" {
		h, taken = m.hold(key)
	}
	holder := m.live[h.holder]
	owned := taken && m.owns(h.holder, key)
	if owned && n.UniqueMode == task.UniqueDebounce && holder.State != task.Running {
		return m.debounce(q, holder, n)
	}
	if taken {
		if code := m.resolveUnique(h.holder, n.UniqueMode, waits); code != task.OK {
			return task.Item{ID: h.holder, Code: code}
		}
	}
	var instead *modelTask
	if owned && n.UniqueMode == task.UniqueReplace {
		instead = holder
	}
	switch {
	case !m.fits(q, len(n.Payload), instead):
		return task.Item{Code: task.QueueFull}
	case instead != nil:
		m.toHistory(instead, task.Cancelled, task.ReasonReplaced)
	case owned: // it is running, and goes on without its key
		holder.keyless = true
	}
	t := m.newTask(q, n)
	never := m.enterKin(t, n, workflow)
	if n.UniqueKey != "" {
		m.keys[key] = modelHold{t.ID, m.now + n.UniqueWindow}
	}
	runAt := n.RunAt
	if n.Delay > 0 {
		runAt = m.now + n.Delay
	}
	m.live[t.ID] = t
	if b, ok := m.batches[n.Batch]; ok {
		b.members = append(b.members, t)
	}
	q.Enqueued++
	if never != 0 { // the next Tick tells it
		waits = append(waits, never)
		m.cascades = append(m.cascades, modelCascade{never, true, m.lastID + 1})
	}
	if len(waits) > 0 {
		t.State, t.RunAt, t.DependsOn = task.Blocked, runAt, waits
		m.changed(t, task.None)
	} else {
		m.toWaiting(t, runAt)
	}
	return task.Item{ID: t.ID, State: t.State}
}

// unfinishedParents are the parents that a new task has to wait for, each once.
func (m *model) unfinishedParents(n task.NewTask) ([]task.ID, task.Code) {
	var waits []task.ID
	for _, e := range edgesOf(n) {
		parent, live := m.live[e.Parent]
		done, gone := foundEnded(n, e.Parent)
		switch {
		case e.Member != 0:
			return nil, task.Invalid
		case live && parent.State != task.DeadLetter:
			if !slices.Contains(waits, e.Parent) {
				waits = append(waits, e.Parent)
			}
		case !live && !done && !gone:
			return nil, task.ResolveAgain
		case e.When == task.OnSuccess && (live || !done):
			return nil, task.DependencyFailed
		}
	}
	return waits, task.OK
}

// resolveUnique decides on a new task whose key is taken; OK: it may have the key, whatever becomes of the holder. A task can't replace one that it
// waits for.
func (m *model) resolveUnique(holder task.ID, mode task.UniqueMode, waits []task.ID) task.Code {
	t, live := m.live[holder]
	switch {
	case mode == task.UniqueReject:
		return task.UniqueTaken
	case mode == task.UniqueReturn:
		return task.Existing
	case mode == task.UniqueDebounce:
		return task.OK
	case live && t.State == task.Running:
		return task.UniqueTaken
	case live && slices.Contains(waits, holder):
		return task.DependencyFailed
	}
	return task.OK
}

// newTask resolves a task's settings: its own, else the queue's, else the built-in ones.
func (m *model) newTask(q *modelQueue, n task.NewTask) *modelTask {
	m.lastID++
	t := &modelTask{window: n.UniqueWindow}
	t.Task = task.Task{
		ID: m.lastID, Queue: q.Name, QueueNumber: q.Number, Kind: n.Kind, Priority: n.Priority,
		Payload: n.Payload, PayloadLen: uint32(len(n.Payload)),
		MaxAttempts:     cmp.Or(n.MaxAttempts, q.Settings.MaxAttempts, defaultMaxAttempts),
		MaxWorkerDeaths: cmp.Or(n.MaxWorkerDeaths, q.Settings.MaxWorkerDeaths, defaultMaxWorkerDeaths),
		Timeout:         milliseconds(cmp.Or(n.Timeout, q.Settings.Timeout)),
		EnqueuedAt:      m.now, UniqueKey: n.UniqueKey, FairKey: n.FairKey, Labels: n.Labels,
		TraceContext: n.TraceContext, Backoff: n.Backoff, RetryOf: n.RetryOf, SingletonKey: n.SingletonKey, StickyKey: n.StickyKey, Require: n.Require, Batch: n.Batch,
	}
	if t.UniqueKey != "" {
		t.UniqueWindow = n.UniqueWindow
	}
	t.flow = m.flowOf(t)
	if ttl := cmp.Or(n.TTL, q.Settings.TTL); ttl > 0 {
		t.ExpiresAt = m.now + ttl
	}
	return t
}

// milliseconds cuts a timeout to what is kept of it, at least one.
func milliseconds(d task.Duration) task.Duration {
	const millisecond = second / 1000
	if d <= 0 {
		return 0
	}
	return max(d/millisecond*millisecond, millisecond)
}
