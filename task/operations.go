package task

import (
	"maps"
	"slices"
	"strings"
)

// operations are the bulk operations, and their part in the state hash.
type operations struct {
	all        map[ID]*operation
	unfinished int
	newest     ID // of all that were started, or as far as is known after a load
	hashes     hashSum
}

// operation is one of them with its part in the sum.
type operation struct {
	Operation
	hashPart
	dirty bool
}

func newOperations() operations { return operations{all: map[ID]*operation{}} }

// touchOperation must come with every change of an operation.
func (m *Machine) touchOperation(o *operation) {
	m.operations.hashes.changed(o)
	if !o.dirty {
		o.dirty = true
		m.dirty.record(KindOperation, uint64(o.ID))
	}
}

func (o *operation) hashNow(m *Machine) uint64 {
	m.scratch = o.append(m.scratch[:0])
	return hashOf(uint64(o.ID), m.scratch)
}

// checkPlan refuses plans that contradict themselves.
func (p *OperationPlan) check() Code {
	covered := p.Action.Covers()
	for _, s := range p.States {
		if !slices.Contains(covered, s) || s.Finished() != p.Finished() {
			return Invalid
		}
	}
	if len(p.States) == 0 || p.CanaryWait < 0 || p.CanaryFailures > 1000 || p.CanaryWait > 0 && p.Action != OperationRetry {
		return Invalid
	}
	return OK
}

func (m *Machine) startOperation(c *StartOperation) Result {
	if code := c.Plan.check(); code != OK {
		return Result{Code: code}
	}
	if m.operations.unfinished >= MaxOperations {
		return Result{Code: TooManyOperations}
	}
	o := &operation{Operation: Operation{ID: m.nextID, OperationPlan: c.Plan.clone(), Stage: stageAll}}
	m.nextID++
	o.StartedAt, o.UpdatedAt, o.NextAt = m.now, m.now, m.now
	if o.CanaryWait > 0 {
		o.Stage = stageOne
	}
	m.operations.all[o.ID] = o
	m.operations.unfinished++
	m.operations.newest = o.ID
	m.touchOperation(o)
	return Result{Items: []Item{{ID: o.ID}}}
}

// clone makes a plan independent of the entry that it came in.
func (p OperationPlan) clone() OperationPlan {
	p.Queue, p.Kind, p.Filter, p.Name = strings.Clone(p.Queue), strings.Clone(p.Kind), strings.Clone(p.Filter), strings.Clone(p.Name)
	p.States = slices.Clone(p.States)
	return p
}

func (m *Machine) stepOperation(c *StepOperation) Result {
	o := m.operations.all[c.ID]
	switch {
	case o == nil:
		return Result{Code: NoSuchOperation}
	case m.suspended(), o.State.Ended() || o.Cursor != c.From:
		return Result{Code: WrongState}
	case o.State == OperationWaiting:
		return m.judgeCanary(o)
	case len(c.Tasks) > o.StageLeft() || len(c.Failed) > MaxOperationStep:
		return Result{Code: Invalid}
	}
	m.touchOperation(o)
	o.Cursor, o.UpdatedAt = c.To, m.now
	o.Visited += c.Visited
	o.Matched += uint64(len(c.Failed) + len(c.Tasks))
	for _, id := range c.Failed {
		o.fail(OperationError{ID: id, Code: Invalid})
	}
	for i := range c.Tasks {
		m.operate(o, &c.Tasks[i])
	}
	o.NextAt = m.now
	if o.Rate > 0 {
		o.NextAt = after(m.now, int64(len(c.Tasks))*second/int64(o.Rate))
	}
	switch limit := o.StageLimit(); {
	case c.End:
		m.endOperation(o, OperationDone)
	case limit > 0 && len(o.Canary) >= limit:
		o.State, o.NextAt = OperationWaiting, after(m.now, o.CanaryWait)
	}
	return Result{}
}

// operate changes one task, unless it came after the operation or another call has changed it.
func (m *Machine) operate(o *operation, t *OperationTask) {
	switch code := m.operateOn(o, t); code {
	case OK:
		o.Changed++
		if o.Stage != stageAll {
			o.Canary = append(o.Canary, t.ID)
			o.CanarySetbacks = append(o.CanarySetbacks, m.tasks.at(m.index.get(t.ID)).setbacks()) // a retry leaves it live
		}
	case NotLive:
		o.Skipped++
	default:
		o.fail(OperationError{ID: t.ID, Code: code, State: t.State})
	}
}

func (o *operation) fail(e OperationError) {
	o.Failed++
	if len(o.Errors) < maxOperationErrors {
		o.Errors = append(o.Errors, e)
	}
}

// operateOn returns NotLive for a task that isn't any more what the step says.
func (m *Machine) operateOn(o *operation, t *OperationTask) Code {
	if t.ID >= o.ID || !slices.Contains(o.States, t.State) {
		return Invalid
	}
	if t.State.Finished() {
		return m.deleteFinished(&DeleteFinished{Refs: []FinishedRef{{ID: t.ID, Queue: t.Queue, Sequence: t.Sequence}}}).Items[0].Code
	}
	s := m.index.get(t.ID)
	if s == 0 || m.tasks.at(s).state != t.State {
		return NotLive
	}
	r := m.tasks.at(s)
	switch o.Action {
	case OperationCancel:
		return m.cancel(s, r)
	case OperationRetry:
		return m.retry(s, r)
	case OperationDelete:
		return m.delete(s, r, t.State)
	}
	return Invalid
}

// judgeCanary ends a stage of the canary when each of its tasks has ended or failed an attempt, or its time is over.
func (m *Machine) judgeCanary(o *operation) Result {
	known, failed := m.canary(&o.Operation)
	if known < len(o.Canary) && m.now < o.NextAt {
		return Result{Code: WrongState}
	}
	m.touchOperation(o)
	o.UpdatedAt, o.NextAt = m.now, m.now
	o.CanaryTasks, o.CanaryFailed = uint32(len(o.Canary)), uint32(failed)
	if failed*1000 > len(o.Canary)*int(o.CanaryFailures) {
		m.endOperation(o, OperationStopped)
		return Result{}
	}
	o.State, o.Canary, o.CanarySetbacks = OperationRunning, nil, nil
	o.Stage++
	return Result{}
}

// setbacks are the attempts that didn't go well.
func (r *record) setbacks() uint32 { return uint32(r.failures) + uint32(r.deaths) }

// canary counts the tasks of the canary of which it is known how they fare, and those of them that have failed again: they are dead
// letters, or have lost an attempt or a worker since, and wait for the next one. One that failed and has completed by now didn't.
func (m *Machine) canary(o *Operation) (known, failed int) {
	for i, id := range o.Canary {
		s := m.index.get(id)
		if s == 0 {
			known++
			continue
		}
		if r := m.tasks.at(s); r.state == DeadLetter || r.setbacks() > o.CanarySetbacks[i] {
			known++
			failed++
		}
	}
	return known, failed
}

func (m *Machine) abortOperation(c *AbortOperation) Result {
	o := m.operations.all[c.ID]
	switch {
	case o == nil:
		return Result{Code: NoSuchOperation}
	case o.State.Ended():
		return Result{Code: WrongState}
	case c.Why != "":
		o.Why = strings.Clone(cut(c.Why, maxOperationWhy))
		m.endOperation(o, OperationStopped)
	default:
		m.endOperation(o, OperationAborted)
	}
	return Result{}
}

// endOperation ends an operation, which is kept for a while.
func (m *Machine) endOperation(o *operation, as OperationState) {
	m.touchOperation(o)
	o.State, o.Canary, o.CanarySetbacks, o.NextAt = as, nil, nil, 0
	o.UpdatedAt, o.EndedAt = m.now, m.now
	x := &m.operations
	x.unfinished--
	if len(x.all)-x.unfinished > maxEndedOperations {
		m.dropOperation(x.oldestEnded())
	}
	m.keepOperation(o)
}

// oldestEnded is the operation that ended first.
func (x *operations) oldestEnded() *operation {
	var oldest *operation
	for _, id := range slices.Sorted(maps.Keys(x.all)) {
		if o := x.all[id]; o.State.Ended() && (oldest == nil || o.EndedAt < oldest.EndedAt) {
			oldest = o
		}
	}
	return oldest
}

func (m *Machine) keepOperation(o *operation) {
	m.alarms.push(alarm{at: after(o.EndedAt, operationKept), kind: alarmOperation, id: uint64(o.ID)})
}

func (m *Machine) dropOperation(o *operation) {
	m.operations.hashes.drop(o)
	delete(m.operations.all, o.ID)
	m.dirty.record(KindOperation, uint64(o.ID))
}

// operationAlarm forgets an operation that has ended long ago.
func (m *Machine) operationAlarm(id ID) bool {
	o := m.operations.all[id]
	if o == nil {
		return false
	}
	m.dropOperation(o)
	return true
}
