package task

import (
	"slices"
	"strings"
)

func (p *OperationPlan) append(b []byte) []byte {
	b = append(b, byte(p.Action))
	b = appendBytes(appendBytes(b, p.Queue), p.Kind)
	b = appendUint(b, uint64(len(p.States)))
	for _, s := range p.States {
		b = append(b, byte(s))
	}
	b = appendBytes(appendBytes(b, p.Filter), p.Name)
	b = appendUint(appendUint(b, p.Expected), uint64(p.Rate))
	return appendUint(appendInt(b, p.CanaryWait), uint64(p.CanaryFailures))
}

func (p *OperationPlan) read(r *reader) {
	p.Action = OperationAction(r.byteMax(byte(operationActionCount - 1)))
	p.Queue, p.Kind = r.string(), r.string()
	p.States = make([]State, r.uintMax(uint64(stateCount)))
	for i := range p.States {
		p.States[i] = State(r.byteMax(byte(stateCount - 1)))
	}
	p.Filter, p.Name = r.string(), r.string()
	p.Expected, p.Rate = r.uint(), uint32(r.uintMax(1<<32-1))
	p.CanaryWait, p.CanaryFailures = r.int(), uint16(r.uintMax(1<<16-1))
}

func (c OperationCursor) append(b []byte) []byte { return appendUint(appendUint(b, c.A), c.B) }

func (r *reader) operationCursor() OperationCursor { return OperationCursor{A: r.uint(), B: r.uint()} }

func (c *StartOperation) encode(b []byte) []byte { return c.Plan.append(b) }
func (c *StartOperation) decode(r *reader)       { c.Plan.read(r) }

func (c *StepOperation) encode(b []byte) []byte {
	b = c.To.append(c.From.append(appendUint(b, uint64(c.ID))))
	b = appendUint(b, c.Visited)
	b = appendUint(b, uint64(len(c.Tasks)))
	for _, t := range c.Tasks {
		b = append(appendUint(b, uint64(t.ID)), byte(t.State))
		if t.State.Finished() {
			b = appendUint(appendUint(b, uint64(t.Queue)), t.Sequence)
		}
	}
	return appendBool(appendIDs(b, c.Failed), c.End)
}

// minOperationTask is the least number of bytes that an OperationTask takes.
const minOperationTask = 2

func (c *StepOperation) decode(r *reader) {
	c.ID, c.From, c.To = ID(r.uint()), r.operationCursor(), r.operationCursor()
	c.Visited = r.uint()
	c.Tasks = make([]OperationTask, r.uintMax(uint64(len(r.b)/minOperationTask)))
	for i := range c.Tasks {
		t := &c.Tasks[i]
		t.ID, t.State = ID(r.uint()), State(r.byteMax(byte(stateCount-1)))
		if t.State.Finished() {
			t.Queue, t.Sequence = uint32(r.uintMax(1<<32-1)), r.uint()
		}
	}
	c.Failed, c.End = r.ids(), r.bool()
}

func (c *AbortOperation) encode(b []byte) []byte {
	return appendBytes(appendUint(b, uint64(c.ID)), c.Why)
}
func (c *AbortOperation) decode(r *reader) { c.ID, c.Why = ID(r.uint()), r.string() }

// append encodes an operation for the state file and the hash.
func (o *operation) append(b []byte) []byte {
	b = append(b, recordVersion, byte(o.State), o.Stage)
	b = o.Cursor.append(o.OperationPlan.append(b))
	for _, n := range o.totals() {
		b = appendUint(b, *n)
	}
	b = appendIDs(b, o.Canary)
	for _, n := range o.CanarySetbacks {
		b = appendUint(b, uint64(n))
	}
	b = appendUint(appendUint(b, uint64(o.CanaryTasks)), uint64(o.CanaryFailed))
	b = appendUint(b, uint64(len(o.Errors)))
	for _, e := range o.Errors {
		b = append(appendUint(b, uint64(e.ID)), byte(e.Code), byte(e.State))
	}
	b = appendBytes(b, o.Why)
	return appendInt(appendInt(appendInt(appendInt(b, o.StartedAt), o.UpdatedAt), o.EndedAt), o.NextAt)
}

func (o *operation) totals() []*uint64 {
	return []*uint64{&o.Visited, &o.Matched, &o.Changed, &o.Skipped, &o.Failed}
}

func readOperation(id ID, b []byte) (*operation, error) {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return nil, errCorrupt
	}
	o := &operation{Operation: Operation{ID: id}}
	o.State, o.Stage = OperationState(r.byteMax(byte(operationStateCount-1))), r.byteMax(stageAll)
	o.OperationPlan.read(&r)
	o.OperationPlan = o.clone()
	o.Cursor = r.operationCursor()
	for _, n := range o.totals() {
		*n = r.uint()
	}
	o.Canary = slices.Clone(r.ids())
	for range o.Canary {
		o.CanarySetbacks = append(o.CanarySetbacks, uint32(r.uintMax(1<<32-1)))
	}
	o.CanaryTasks, o.CanaryFailed = uint32(r.uintMax(1<<32-1)), uint32(r.uintMax(1<<32-1))
	for range r.uintMax(maxOperationErrors) {
		o.Errors = append(o.Errors, OperationError{
			ID: ID(r.uint()), Code: Code(r.byteMax(byte(codeCount - 1))), State: State(r.byteMax(byte(stateCount - 1))),
		})
	}
	o.Why = strings.Clone(r.string())
	o.StartedAt, o.UpdatedAt, o.EndedAt, o.NextAt = r.int(), r.int(), r.int(), r.int()
	if r.bad || o.check() != OK || o.Stage < stageOne {
		return nil, errCorrupt
	}
	return o, r.done()
}

// operation takes the record of a bulk operation.
func (l *Loader) operation(id uint64, value []byte) error {
	m := l.m
	o, err := readOperation(ID(id), value)
	if err != nil || ID(id) >= m.nextID {
		return errCorrupt
	}
	m.operations.all[o.ID] = o
	m.operations.newest = o.ID
	m.operations.hashes.changed(o)
	if !o.State.Ended() {
		m.operations.unfinished++
		return nil
	}
	m.keepOperation(o)
	return nil
}
