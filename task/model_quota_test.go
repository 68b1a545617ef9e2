package task_test

import "github.com/rowlock/rowlock/task"

// used is what counts for a queue's quota: its live tasks but dead letters, and their payloads' bytes.
func (m *model) used(q *modelQueue) (tasks, bytes uint64) {
	for _, t := range m.live {
		if t.Queue == q.Name && t.State != task.DeadLetter {
			tasks, bytes = tasks+1, bytes+uint64(t.PayloadLen)
		}
	}
	return tasks, bytes
}

// fits says whether a queue has room for a payload more, less one task that goes for it.
func (m *model) fits(q *modelQueue, payload int, instead *modelTask) bool {
	tasks, bytes := m.used(q)
	tasks, bytes = tasks+1, bytes+uint64(payload)
	if instead != nil {
		tasks, bytes = tasks-1, bytes-uint64(instead.PayloadLen)
	}
	s := q.Settings
	return (s.MaxTasks == 0 || tasks <= s.MaxTasks) && (s.MaxBytes == 0 || bytes <= s.MaxBytes)
}

// debounce gives a waiting task a new payload and lets it wait anew.
func (m *model) debounce(q *modelQueue, t *modelTask, n task.NewTask) task.Item {
	_, bytes := m.used(q)
	limit := q.Settings.MaxBytes
	if grows := len(n.Payload) > int(t.PayloadLen); grows && limit > 0 && bytes-uint64(t.PayloadLen)+uint64(len(n.Payload)) > limit {
		return task.Item{ID: t.ID, Code: task.QueueFull}
	}
	t.Payload, t.PayloadLen = n.Payload, uint32(len(n.Payload))
	runAt := n.RunAt
	if n.Delay > 0 {
		runAt = m.now + n.Delay
	}
	if n.MaxWait > 0 {
		runAt = min(runAt, t.EnqueuedAt+n.MaxWait)
	}
	switch {
	case t.State == task.Blocked:
		t.RunAt = runAt
	case t.State == task.Pending && runAt <= m.now: // its time is over: it keeps its place
	case t.State == task.Scheduled && t.Failures > 0 && t.RunAt > runAt: // its backoff is longer
	default:
		m.toWaiting(t, runAt)
	}
	return task.Item{ID: t.ID, Code: task.Existing, State: t.State}
}
