package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

const (
	// operatorWait bounds how long the operator sleeps while an operation waits for its rate or its canary.
	operatorWait = 250 * time.Millisecond
	// operatorRetry is how long it waits after a step that wasn't executed, or couldn't be made.
	operatorRetry = 200 * time.Millisecond
	// gatherTime is after which time a step is proposed that has found little, so that its cursor is kept.
	gatherTime = 200 * time.Millisecond
	// rateParts is into how many steps a second an operation with a rate is cut.
	rateParts = 10
)

// operator moves bulk operations on while this member leads: it looks for the tasks that match, and proposes what is to be
// done to them step by step, one in flight. What it has found and not proposed is found again by the next leader, as the
// state has the cursor of the last step.
type operator struct {
	view   func(fn func(*View) error) error
	submit func(cs []task.Command, urgent bool, done func([]task.Result, error))
	clock  *clock
	logger *slog.Logger
	newest atomic.Uint64 // the last operation that was started, as of the last entry
	wake   chan struct{}

	filters map[task.ID]*filter.Filter // run's; of the unfinished operations
}

func newOperator(c *clock, logger *slog.Logger) *operator {
	return &operator{clock: c, logger: logger, wake: make(chan struct{}, 1), filters: map[task.ID]*filter.Filter{}}
}

// note takes down which operation is the newest, after each entry.
func (o *operator) note(newest task.ID) {
	if o.newest.Swap(uint64(newest)) == uint64(newest) {
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run goes on with what is unfinished until ctx is done.
func (o *operator) run(ctx context.Context) {
	o.newest.Store(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-timer.C:
		}
		if wait, more := o.round(ctx); more {
			timer.Reset(wait)
		}
	}
}

// round gives each unfinished operation a step, if it is time for one, and returns when to come again; false: when there
// is a new one.
func (o *operator) round(ctx context.Context) (wait time.Duration, more bool) {
	wait = operatorWait
	if o.suspended() {
		return wait, true
	}
	unfinished := o.unfinished()
	o.forget(unfinished)
	for i := range unfinished {
		if ctx.Err() != nil {
			return 0, false
		}
		wait = min(wait, o.move(ctx, &unfinished[i]))
	}
	return wait, len(unfinished) > 0
}

// suspended reports whether nothing happens by itself, as after a restore.
func (o *operator) suspended() (is bool) {
	_ = o.view(func(v *View) error { // reading memory doesn't fail
		_, is = v.Suspended()
		return nil
	})
	return is
}

// job is an unfinished operation as the operator finds it.
type job struct {
	task.Operation
	open bool // tasks of its canary have neither ended nor failed again
}

func (o *operator) unfinished() (jobs []job) {
	_ = o.view(func(v *View) error { // reading memory doesn't fail
		for _, op := range v.UnfinishedOperations() {
			known, _ := v.CanaryOf(&op)
			jobs = append(jobs, job{op, known < len(op.Canary)})
		}
		return nil
	})
	return jobs
}

// forget drops the filters of operations that have ended.
func (o *operator) forget(jobs []job) {
	for id := range o.filters {
		found := false
		for i := range jobs {
			found = found || jobs[i].ID == id
		}
		if !found {
			delete(o.filters, id)
		}
	}
}

// move proposes an operation's next step if it is time for it, and returns when to come again.
func (o *operator) move(ctx context.Context, j *job) time.Duration {
	early := o.clock.until(j.NextAt)
	if early > 0 && (j.State != task.OperationWaiting || j.open) {
		return min(early, operatorWait)
	}
	c, err := o.next(ctx, j)
	if err == nil {
		_, err = o.propose(ctx, c)
	}
	if err != nil {
		if ctx.Err() == nil {
			o.logger.Warn("a bulk operation can't go on now", "operation", j.ID, "error", err)
		}
		return operatorRetry
	}
	return 0
}

// next makes an operation's next command.
func (o *operator) next(ctx context.Context, j *job) (task.Command, error) {
	if j.State == task.OperationWaiting {
		return &task.StepOperation{ID: j.ID, From: j.Cursor, To: j.Cursor}, nil
	}
	f, why := o.filterOf(&j.Operation)
	if f == nil {
		return &task.AbortOperation{ID: j.ID, Why: why}, nil
	}
	step, err := o.gather(ctx, &j.Operation, f)
	if errors.Is(err, store.ErrCorrupt) {
		return &task.AbortOperation{ID: j.ID, Why: fmt.Sprintf("the history can't be read: %v", err)}, nil
	}
	return step, err
}

// filterOf returns an operation's filter, or why it can't be evaluated: it was checked by another version, say.
func (o *operator) filterOf(op *task.Operation) (f *filter.Filter, why string) {
	if f := o.filters[op.ID]; f != nil {
		return f, ""
	}
	f, err := filter.Compile(op.Filter)
	if err != nil {
		return nil, err.Error()
	}
	o.filters[op.ID] = f
	return f, ""
}

// gather looks for the tasks of the next step, until there are enough, some time has passed, or nothing is left.
func (o *operator) gather(ctx context.Context, op *task.Operation, f *filter.Filter) (*task.StepOperation, error) {
	step := &task.StepOperation{ID: op.ID, From: op.Cursor, To: op.Cursor}
	scan := Scan{Queue: op.Queue, Kind: op.Kind, States: op.States, Below: op.ID, Payload: f.NeedsPayload(), At: op.Cursor}
	most := stepSize(op)
	for begin := time.Now(); ctx.Err() == nil && time.Since(begin) < gatherTime; {
		var tasks []task.Task
		err := o.view(func(v *View) (err error) {
			tasks, err = scan.Next(v)
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range tasks {
			t := &tasks[i]
			step.Visited++
			o.judge(step, t, f)
			if len(step.Tasks) == most || len(step.Failed) == task.MaxOperationStep {
				step.To = scan.After(t)
				return step, nil
			}
		}
		if step.To = scan.At; scan.End {
			step.End = true
			return step, nil
		}
	}
	return step, ctx.Err()
}

// judge adds a task to a step if it matches.
func (o *operator) judge(step *task.StepOperation, t *task.Task, f *filter.Filter) {
	yes, err := f.Match(t, o.clock.now())
	switch {
	case err != nil || f.NeedsPayload() && t.PayloadOnDisk:
		step.Failed = append(step.Failed, t.ID)
	case yes:
		step.Tasks = append(step.Tasks, task.OperationTask{ID: t.ID, State: t.State, Queue: t.QueueNumber, Sequence: t.HistorySequence})
	}
}

// stepSize is how many tasks the next step changes at most.
func stepSize(op *task.Operation) int {
	n := op.StageLeft()
	if op.Rate > 0 {
		n = min(n, max(int(op.Rate)/rateParts, 1))
	}
	return n
}

func (o *operator) propose(ctx context.Context, c task.Command) (task.Result, error) {
	type answer struct {
		results []task.Result
		err     error
	}
	done := make(chan answer, 1)
	o.submit([]task.Command{c}, false, func(rs []task.Result, err error) { done <- answer{rs, err} })
	select {
	case a := <-done:
		if a.err != nil {
			return task.Result{}, a.err
		}
		return a.results[0], nil
	case <-ctx.Done():
		return task.Result{}, ctx.Err()
	}
}
