package task_test

import (
	"slices"

	"github.com/rowlock/rowlock/task"
)

// The moves between the states: every change of modelTask.State happens in this file.

// toPending makes a task ready, at the back of its priority or at its front.
func (m *model) toPending(t *modelTask, front bool) {
	from := t.State
	m.unready(t)
	t.State, t.RunAt = task.Pending, 0
	m.changed(t, from)
	m.queueUp(t, front)
}

// queueUp gives a pending task its place.
func (m *model) queueUp(t *modelTask, front bool) {
	if front {
		m.front--
		t.ready = m.front
	} else {
		m.back++
		t.ready = m.back
	}
	m.makeReady(t)
	m.announce(t.Queue)
}

// announce says that a queue has tasks to lease, once an entry.
func (m *model) announce(queue string) {
	if !slices.Contains(m.effects.Ready, queue) {
		m.effects.Ready = append(m.effects.Ready, queue)
	}
}

// toWaiting makes a task scheduled, or pending at the back if its time has come.
func (m *model) toWaiting(t *modelTask, runAt task.Time) {
	if runAt <= m.now {
		m.toPending(t, false)
		return
	}
	from := t.State
	m.unready(t)
	t.State, t.RunAt = task.Scheduled, runAt
	m.changed(t, from)
}

// toRunning leases a task to a session.
func (m *model) toRunning(t *modelTask, s *modelSession) {
	m.serve(t, s)
	m.unready(t)
	m.lastToken++
	t.State, t.Token, t.Session, t.Worker = task.Running, m.lastToken, s.ID, s.Worker
	t.Attempt++
	t.StartedAt, t.Deadline = m.now, 0
	if t.Timeout > 0 {
		t.Deadline = m.now + t.Timeout
	}
	m.changed(t, task.Pending)
}

// endLease takes a running task from its worker. The caller gives it its next state. What is left of the worker's name
// is in the errors.
func (m *model) endLease(t *modelTask) {
	if t.State == task.Running {
		m.vacate(t)
	}
	t.Session, t.Deadline, t.Worker = 0, 0, ""
	if n := len(t.Errors); n > 0 {
		t.Worker = t.Errors[n-1].Worker
	}
}

// giveBack ends a lease that doesn't count as an attempt.
func (m *model) giveBack(t *modelTask) {
	m.endLease(t)
	t.Attempt--
	m.toPending(t, true)
}

// revoke tells that a lease ended without an outcome of its worker.
func (m *model) revoke(t *modelTask, why task.RevokeReason) {
	m.effects.Revoked = append(m.effects.Revoked, task.Revoked{Session: t.Session, ID: t.ID, Token: t.Token, Why: why})
}

// toDeadLetter ends a task without success; the tasks that wait for it can't complete any more either.
func (m *model) toDeadLetter(t *modelTask, why task.Reason) {
	from, q := t.State, m.queueOf(t)
	m.unready(t)
	t.State, t.Reason, t.FinishedAt, t.RunAt = task.DeadLetter, why, m.now, 0
	m.changed(t, from)
	q.DeadLettered++
	m.parentEnded(t.ID, false)
	if to := m.queue(q.Settings.DeadLetterQueue); to != nil && to != q {
		m.into(t, to)
		t.OriginQueue = q.Name
	}
}

// toHistory moves a task from memory to its queue's history, with the name of the worker that was running it.
func (m *model) toHistory(t *modelTask, s task.State, why task.Reason) {
	worker := ""
	if t.State == task.Running {
		worker = t.Worker
	}
	q, from := m.queueOf(t), t.State
	m.endLease(t)
	m.unready(t)
	t.Worker = worker
	t.State, t.Reason, t.FinishedAt, t.RunAt = s, why, m.now, 0
	m.changed(t, from)
	t.HistorySequence = q.History.Next
	q.History.Next++
	m.outlive(t, s)
	delete(m.live, t.ID)
	m.memberEnded(t, s)
	m.forgetOutcomes()
	m.finished[t.ID] = t.Task
	if s == task.Completed {
		q.Completed++
	} else {
		q.Cancelled++
	}
	m.parentEnded(t.ID, s == task.Completed)
}

// remove deletes a task without a trace in the history.
func (m *model) remove(t *modelTask) {
	from := t.State
	m.unready(t)
	m.outlive(t, task.None)
	delete(m.live, t.ID)
	m.tell(t, task.Event{From: from, Reason: t.Reason})
	m.memberEnded(t, task.None)
	m.forgetOutcomes()
	m.queueOf(t).Deleted++
	m.parentEnded(t.ID, false)
}

// modelCascade is the children of a task that ended, which are to be told at the next Tick.
type modelCascade struct {
	parent    task.ID
	completed bool
	children  []*modelTask
}

// fails reports whether a child's edge can't come true any more.
func (c modelCascade) fails(t *modelTask) bool {
	switch t.when(c.parent) {
	case task.OnAny:
		return false
	case task.OnFailure:
		return c.completed
	}
	return !c.completed
}

// waitsFor reports whether a task is blocked by another.
func (t *modelTask) waitsFor(id task.ID) bool {
	return t.State == task.Blocked && slices.Contains(t.DependsOn, id)
}

// parentEnded takes down whom to tell that a task completed, or can't any more.
func (m *model) parentEnded(id task.ID, completed bool) {
	children := m.liveWhere(func(c *modelTask) bool { return c.waitsFor(id) })
	if len(children) > 0 {
		m.cascades = append(m.cascades, modelCascade{id, completed, children})
	}
}

// tellChildren unblocks the children of completed tasks and ends those of the others, which may make further ones.
func (m *model) tellChildren() {
	for len(m.cascades) > 0 {
		c := m.cascades[0]
		m.cascades = m.cascades[1:]
		for _, t := range c.children {
			switch {
			case m.live[t.ID] != t || !t.waitsFor(c.parent): // it ended in another way
			case c.fails(t) && t.when(c.parent) == task.OnFailure:
				m.toHistory(t, task.Cancelled, task.ReasonNotNeeded)
			case c.fails(t) && t.OnParentFailure == task.ParentFailureCancel:
				m.toHistory(t, task.Cancelled, task.ReasonDependency)
			case c.fails(t):
				m.toDeadLetter(t, task.ReasonDependency)
			default:
				t.DependsOn = slices.DeleteFunc(t.DependsOn, func(id task.ID) bool { return id == c.parent })
				if len(t.DependsOn) == 0 {
					m.toWaiting(t, t.RunAt)
				}
			}
		}
	}
}

// owns reports whether a task has a unique key because it hasn't ended.
func (m *model) owns(id task.ID, k modelKey) bool {
	t, live := m.live[id]
	return live && t.State != task.DeadLetter && !t.keyless && t.UniqueKey == k.key && t.QueueNumber == k.queue
}

// hold is who has a unique key now; false: it is free.
func (m *model) hold(k modelKey) (modelHold, bool) {
	h, ok := m.keys[k]
	return h, ok && (m.owns(h.holder, k) || m.now < h.until)
}
