package task_test

import (
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// The bounds of bulk operations that the documentation promises.
const (
	operationKept      = 7 * day
	maxOperations      = 100
	maxEndedOperations = 1000
	operationErrors    = 10
	canaryMost         = 1000
)

func (m *model) startOperation(c *task.StartOperation) task.Result {
	p := c.Plan
	for _, s := range p.States {
		if !slices.Contains(p.Action.Covers(), s) || s.Finished() != p.States[0].Finished() {
			return task.Result{Code: task.Invalid}
		}
	}
	if len(p.States) == 0 || p.CanaryFailures > 1000 || (p.CanaryWait != 0 && p.Action != task.OperationRetry) {
		return task.Result{Code: task.Invalid}
	}
	unfinished := 0
	for _, o := range m.operations {
		if !o.State.Ended() {
			unfinished++
		}
	}
	if unfinished == maxOperations {
		return task.Result{Code: task.TooManyOperations}
	}
	m.lastID++
	o := &task.Operation{ID: m.lastID, OperationPlan: p, Stage: 3, StartedAt: m.now, UpdatedAt: m.now, NextAt: m.now}
	if p.CanaryWait > 0 {
		o.Stage = 1
	}
	m.operations = append(m.operations, o)
	return task.Result{Items: []task.Item{{ID: o.ID}}}
}

// unfinishedOperation is the operation of a step or abort, or says why it refuses.
func (m *model) unfinishedOperation(id task.ID) (*task.Operation, task.Code) {
	for _, o := range m.operations {
		switch {
		case o.ID != id:
		case o.State.Ended():
			return nil, task.WrongState
		default:
			return o, task.OK
		}
	}
	return nil, task.NoSuchOperation
}

// stageSize is how many tasks a stage of the canary has; the last stage has no bound.
func stageSize(o *task.Operation) int {
	switch o.Stage {
	case 1:
		return 1
	case 2:
		return min(max(int(o.Expected)/100, 1), canaryMost)
	}
	return 1 << 30
}

func (m *model) stepOperation(c *task.StepOperation) task.Result {
	o, code := m.unfinishedOperation(c.ID)
	switch {
	case code != task.OK:
		return task.Result{Code: code}
	case m.suspended(), o.Cursor != c.From:
		return task.Result{Code: task.WrongState}
	case o.State == task.OperationWaiting:
		return m.judge(o)
	case len(c.Tasks) > min(task.MaxOperationStep, stageSize(o)-len(o.Canary)) || len(c.Failed) > task.MaxOperationStep:
		return task.Result{Code: task.Invalid}
	}
	o.Cursor, o.UpdatedAt, o.NextAt = c.To, m.now, m.now
	o.Visited += c.Visited
	for _, id := range c.Failed {
		m.operationFailed(o, task.OperationError{ID: id, Code: task.Invalid})
	}
	for _, t := range c.Tasks {
		m.operate(o, t)
	}
	if o.Rate > 0 {
		o.NextAt += int64(len(c.Tasks)) * second / int64(o.Rate)
	}
	switch {
	case c.End:
		m.endOperation(o, task.OperationDone)
	case len(o.Canary) == stageSize(o):
		o.State, o.NextAt = task.OperationWaiting, m.now+o.CanaryWait
	}
	return task.Result{}
}

func (m *model) operationFailed(o *task.Operation, e task.OperationError) {
	o.Matched++
	o.Failed++
	if len(o.Errors) < operationErrors {
		o.Errors = append(o.Errors, e)
	}
}

// operate changes a task if it is older than the operation and still in the state in which it matched.
func (m *model) operate(o *task.Operation, t task.OperationTask) {
	if t.ID >= o.ID || !slices.Contains(o.States, t.State) {
		m.operationFailed(o, task.OperationError{ID: t.ID, Code: task.Invalid, State: t.State})
		return
	}
	o.Matched++
	code := task.NotLive
	if live, ok := m.live[t.ID]; ok && live.State == t.State {
		switch o.Action {
		case task.OperationCancel:
			code = m.cancelOne(t.ID).Code
		case task.OperationRetry:
			code = m.retryOne(t.ID).Code
		case task.OperationDelete:
			code = m.deleteOne(t.ID, t.State).Code
		}
	} else if t.State.Finished() {
		code = m.deleteFinishedOne(task.FinishedRef{ID: t.ID, Queue: t.Queue, Sequence: t.Sequence}).Code
	}
	if code == task.NotLive {
		o.Skipped++
		return
	}
	o.Changed++
	if o.Stage < 3 {
		o.Canary = append(o.Canary, t.ID)
		o.CanarySetbacks = append(o.CanarySetbacks, setbacks(m.live[t.ID]))
	}
}

// setbacks are a task's attempts that failed, or lost their worker.
func setbacks(t *modelTask) uint32 { return uint32(t.Failures) + uint32(t.WorkerDeaths) }

// judge waits for the canary, at most until NextAt, and goes on or stops.
func (m *model) judge(o *task.Operation) task.Result {
	open, failed := 0, 0
	for i, id := range o.Canary {
		if t, live := m.live[id]; live && (t.State == task.DeadLetter || setbacks(t) > o.CanarySetbacks[i]) {
			failed++
		} else if live {
			open++
		}
	}
	if open > 0 && m.now < o.NextAt {
		return task.Result{Code: task.WrongState}
	}
	o.CanaryTasks, o.CanaryFailed = uint32(len(o.Canary)), uint32(failed)
	o.UpdatedAt, o.NextAt = m.now, m.now
	if float64(failed)/float64(len(o.Canary)) > float64(o.CanaryFailures)/1000 {
		m.endOperation(o, task.OperationStopped)
		return task.Result{}
	}
	o.State, o.Canary, o.CanarySetbacks, o.Stage = task.OperationRunning, nil, nil, o.Stage+1
	return task.Result{}
}

func (m *model) abortOperation(c *task.AbortOperation) task.Result {
	o, code := m.unfinishedOperation(c.ID)
	if code != task.OK {
		return task.Result{Code: code}
	}
	as := task.OperationAborted
	if o.Why = c.Why; c.Why != "" {
		as = task.OperationStopped
	}
	m.endOperation(o, as)
	return task.Result{}
}

func (m *model) endOperation(o *task.Operation, as task.OperationState) {
	o.State, o.Canary, o.CanarySetbacks, o.NextAt, o.EndedAt, o.UpdatedAt = as, nil, nil, 0, m.now, m.now
}

// forgetOperations drops those that ended long ago.
func (m *model) forgetOperations() {
	m.operations = slices.DeleteFunc(m.operations, func(o *task.Operation) bool {
		return o.State.Ended() && o.EndedAt+operationKept <= m.now
	})
}

func compareOperations(t reporter, r *replica, m *model) {
	t.Helper()
	var want []task.Operation
	var unfinished []task.Operation
	for _, o := range slices.Backward(m.operations) {
		want = append(want, *o)
		got, ok := r.machine.Operation(o.ID)
		if !ok {
			t.Fatalf("operation %d is lost", o.ID)
		}
		same(t, fmt.Sprintf("operation %d", o.ID), got, *o)
		if !o.State.Ended() {
			unfinished = append([]task.Operation{*o}, unfinished...)
		}
	}
	same(t, "operations", r.machine.Operations(0, 1<<20), want)
	same(t, "unfinished operations", r.machine.UnfinishedOperations(), unfinished)
	if len(want) > 1 {
		same(t, "a page of operations", r.machine.Operations(want[0].ID, 1), want[1:2])
	}
	if _, ok := r.machine.Operation(m.lastID + 1); ok {
		t.Fatalf("there is an operation too many")
	}
}
