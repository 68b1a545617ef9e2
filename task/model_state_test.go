package task_test

import (
	"slices"

	"github.com/rowlock/rowlock/task"
)

// The moves between the states: every change of modelTask.State happens in this file.

// toPending makes a task ready, at the back of its priority or at its front.
func (m *model) toPending(t *modelTask, front bool) {
	t.State, t.RunAt = task.Pending, 0
	if front {
		m.front--
		t.ready = m.front
	} else {
		m.back++
		t.ready = m.back
	}
	if !slices.Contains(m.effects.Ready, t.Queue) {
		m.effects.Ready = append(m.effects.Ready, t.Queue)
	}
}

// toWaiting makes a task scheduled, or pending at the back if its time has come.
func (m *model) toWaiting(t *modelTask, runAt task.Time) {
	if runAt <= m.now {
		m.toPending(t, false)
		return
	}
	t.State, t.RunAt = task.Scheduled, runAt
}

// toRunning leases a task to a session.
func (m *model) toRunning(t *modelTask, s *modelSession) {
	m.lastToken++
	t.State, t.Token, t.Session, t.Worker = task.Running, m.lastToken, s.ID, s.Worker
	t.Attempt++
	t.StartedAt, t.Deadline = m.now, 0
	if t.Timeout > 0 {
		t.Deadline = m.now + t.Timeout
	}
	t.Progress = task.ProgressNote{}
}

// endLease takes a running task from its worker. The caller gives it its next state.
func (m *model) endLease(t *modelTask) {
	t.Session, t.Deadline = 0, 0
	t.Progress = task.ProgressNote{}
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
	t.State, t.Reason, t.FinishedAt, t.RunAt = task.DeadLetter, why, m.now, 0
	m.queueOf(t).DeadLettered++
	m.failDependants(t.ID)
}

// toHistory moves a task from memory to its queue's history.
func (m *model) toHistory(t *modelTask, s task.State, why task.Reason) {
	q := m.queueOf(t)
	t.State, t.Reason, t.FinishedAt, t.RunAt = s, why, m.now, 0
	t.HistorySequence = q.History.Next
	q.History.Next++
	delete(m.live, t.ID)
	m.finished[t.ID] = t.Task
	if s == task.Completed {
		q.Completed++
		m.unblockDependants(t.ID)
	} else {
		q.Cancelled++
		m.failDependants(t.ID)
	}
}

// remove deletes a task without a trace in the history.
func (m *model) remove(t *modelTask) {
	delete(m.live, t.ID)
	m.queueOf(t).Deleted++
	m.failDependants(t.ID)
}

// dependants are the blocked tasks that wait for the task.
func (m *model) dependants(id task.ID) []*modelTask {
	return m.liveWhere(func(c *modelTask) bool { return c.State == task.Blocked && slices.Contains(c.waits, id) })
}

func (m *model) unblockDependants(id task.ID) {
	for _, c := range m.dependants(id) {
		c.waits = slices.DeleteFunc(c.waits, func(p task.ID) bool { return p == id })
		if len(c.waits) == 0 {
			m.toWaiting(c, c.RunAt)
		}
	}
}

func (m *model) failDependants(id task.ID) {
	for _, c := range m.dependants(id) {
		if c.State == task.Blocked { // not yet ended through another path of the graph
			m.toDeadLetter(c, task.ReasonDependency)
		}
	}
}

// hold is who has a unique key now; false: it is free.
func (m *model) hold(k modelKey) (modelHold, bool) {
	h, ok := m.keys[k]
	if !ok {
		return h, false
	}
	t, live := m.live[h.holder]
	owns := live && t.State != task.DeadLetter && t.UniqueKey == k.key && t.QueueNumber == k.queue
	return h, owns || m.now < h.until
}
