package task_test

import (
	"github.com/rowlock/rowlock/task"
)

func (m *model) cancelOne(id task.ID) task.Item {
	t, live := m.live[id]
	if !live {
		return task.Item{ID: id, Code: task.NotLive}
	}
	if t.State == task.Running {
		m.revoke(t, task.RevokedCancelled)
	}
	m.toHistory(t, task.Cancelled, task.ReasonCancelled)
	return task.Item{ID: id, State: task.Cancelled}
}

func (m *model) retryOne(id task.ID) task.Item {
	t, live := m.live[id]
	if !live {
		return task.Item{ID: id, Code: task.NotLive}
	}
	switch t.State {
	case task.Pending:
	case task.Scheduled:
		m.toPending(t, false)
	case task.DeadLetter:
		m.revive(t)
	default:
		return task.Item{ID: id, Code: task.WrongState, State: t.State}
	}
	return task.Item{ID: id, State: t.State}
}

// revive gives a dead letter a new life: everything is forgotten but its errors. If its unique key is another's by
// now, it lives on without.
func (m *model) revive(t *modelTask) {
	t.Failures, t.WorkerDeaths, t.Attempt = 0, 0, 0
	t.Reason, t.FinishedAt, t.DependsOn = task.NoReason, 0, nil
	if t.OriginQueue != "" {
		m.into(t, m.queue(t.OriginQueue))
		t.OriginQueue = ""
	}
	key := modelKey{t.QueueNumber, t.UniqueKey}
	if t.UniqueKey != "" {
		h, taken := m.hold(key)
		t.keyless = taken && h.holder != t.ID
		if !t.keyless {
			m.keys[key] = modelHold{t.ID, t.EnqueuedAt + t.window}
		}
	}
	if t.ExpiresAt <= m.now {
		t.ExpiresAt = 0
	}
	for _, e := range t.Parents { // those that have been retried too
		if p, live := m.live[e.Parent]; live && p.State != task.DeadLetter {
			t.DependsOn = append(t.DependsOn, e.Parent)
		}
	}
	if len(t.DependsOn) > 0 {
		t.State = task.Blocked
		m.changed(t, task.DeadLetter)
		return
	}
	m.toPending(t, false)
}

func (m *model) deleteOne(id task.ID, only task.State) task.Item {
	t, live := m.live[id]
	if !live {
		return task.Item{ID: id, Code: task.NotLive}
	}
	if t.State == task.Running || (only != task.None && t.State != only) {
		return task.Item{ID: id, Code: task.WrongState, State: t.State}
	}
	m.remove(t)
	return task.Item{ID: id}
}

func (m *model) deleteFinishedOne(f task.FinishedRef) task.Item {
	if f.Queue == 0 || int(f.Queue) > len(m.queues) {
		return task.Item{ID: f.ID, Code: task.NotLive}
	}
	q := m.queues[f.Queue-1]
	if f.Sequence < q.History.First || f.Sequence >= q.History.Next {
		return task.Item{ID: f.ID, Code: task.NotLive}
	}
	delete(m.finished, f.ID) // whether it is still there only the proposer knows
	q.Deleted++
	return task.Item{ID: f.ID}
}

func (m *model) resetOne(id task.ID) task.Item {
	t, live := m.live[id]
	if !live {
		return task.Item{ID: id, Code: task.NotLive}
	}
	if t.State != task.Running {
		return task.Item{ID: id, Code: task.WrongState, State: t.State}
	}
	m.revoke(t, task.RevokedReset)
	if m.stopped(t) {
		return task.Item{ID: id}
	}
	m.giveBack(t)
	return task.Item{ID: id, State: t.State}
}

func (m *model) resetQuiet(c *task.ResetQuiet) task.Result {
	return items(c.IDs, func(id task.ID) task.Item {
		if t, live := m.live[id]; live && t.State == task.Running && (t.StartedAt >= c.Before || t.Progress.At >= c.Before) {
			return task.Item{ID: id, Code: task.WrongState, State: t.State}
		}
		return m.resetOne(id)
	})
}

func (m *model) reschedule(c *task.Reschedule) task.Item {
	t, live := m.live[c.ID]
	if !live {
		return task.Item{ID: c.ID, Code: task.NotLive}
	}
	if t.State != task.Scheduled && t.State != task.Pending {
		return task.Item{ID: c.ID, Code: task.WrongState, State: t.State}
	}
	if c.Priority != task.KeepPriority {
		t.Priority = c.Priority
	}
	runAt := c.RunAt
	switch {
	case c.KeepTime:
		runAt = t.RunAt // 0 of a pending task: it stays pending
	case c.Delay > 0:
		runAt = m.now + c.Delay
	}
	m.toWaiting(t, runAt)
	return task.Item{ID: c.ID, State: t.State}
}

func (m *model) move(c *task.Move) task.Result {
	q := m.ensureQueue(c.Queue)
	if q.Mode == task.QueueDraining {
		return task.Result{Code: task.Draining}
	}
	return items(c.IDs, func(id task.ID) task.Item { return m.moveOne(id, q) })
}

func (m *model) moveOne(id task.ID, to *modelQueue) task.Item {
	t, live := m.live[id]
	if !live {
		return task.Item{ID: id, Code: task.NotLive}
	}
	if t.State == task.Running {
		return task.Item{ID: id, Code: task.WrongState, State: t.State}
	}
	if to == m.queueOf(t) {
		return task.Item{ID: id, State: t.State}
	}
	from, there := modelKey{t.QueueNumber, t.UniqueKey}, modelKey{to.Number, t.UniqueKey}
	if h := m.keys[from]; m.owns(h.holder, from) && h.holder == id {
		if _, taken := m.hold(there); taken {
			return task.Item{ID: id, Code: task.UniqueTaken, State: t.State}
		}
		delete(m.keys, from)
		m.keys[there] = h
	}
	state := t.State
	m.unready(t)
	t.State, t.OriginQueue = state, ""
	m.into(t, to)
	if state == task.Pending {
		m.queueUp(t, false)
	}
	return task.Item{ID: id, State: t.State}
}
