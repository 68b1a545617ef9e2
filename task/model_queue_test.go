package task_test

import (
	"github.com/rowlock/rowlock/task"
)

func (m *model) setQueue(c *task.SetQueue) task.Result {
	q := m.ensureQueue(c.Queue)
	if c.Fields&task.FieldDeadLetterQueue != 0 && c.Settings.DeadLetterQueue != "" {
		m.ensureQueue(c.Settings.DeadLetterQueue)
	}
	s, n := &q.Settings, c.Settings
	for field, set := range map[task.SettingsField]func(){
		task.FieldMaxAttempts:     func() { s.MaxAttempts = n.MaxAttempts },
		task.FieldMaxWorkerDeaths: func() { s.MaxWorkerDeaths = n.MaxWorkerDeaths },
		task.FieldTimeout:         func() { s.Timeout = n.Timeout },
		task.FieldTTL:             func() { s.TTL = n.TTL },
		task.FieldBackoff:         func() { s.Backoff = n.Backoff },
		task.FieldRetentionAge:    func() { s.RetentionAge = n.RetentionAge },
		task.FieldRetentionBytes:  func() { s.RetentionBytes = n.RetentionBytes },
		task.FieldRetentionTasks:  func() { s.RetentionTasks = n.RetentionTasks },
		task.FieldMaxRunning:      func() { s.MaxRunning = n.MaxRunning },
		task.FieldRate:            func() { s.Rate = n.Rate },
		task.FieldKeyMaxRunning:   func() { s.KeyMaxRunning = n.KeyMaxRunning },
		task.FieldKeyRate:         func() { s.KeyRate = n.KeyRate },
		task.FieldFairWeights:     func() { s.FairWeights = n.FairWeights },
		task.FieldPriorityAging:   func() { s.PriorityAging = n.PriorityAging },
		task.FieldStickyWait:      func() { s.StickyWait = n.StickyWait },
		task.FieldMaxTasks:        func() { s.MaxTasks = n.MaxTasks },
		task.FieldMaxBytes:        func() { s.MaxBytes = n.MaxBytes },
		task.FieldDeadLetterQueue: func() { s.DeadLetterQueue = n.DeadLetterQueue },
	} {
		if c.Fields&field != 0 {
			set()
		}
	}
	if c.Fields&(task.FieldMaxTasks-task.FieldMaxRunning) != 0 { // it decides who is served
		q.busy = owed(s.Rate, q.busy, m.now)
		for k, x := range m.tenants {
			if k.queue == q.Number {
				x.busy = owed(s.KeyRate, x.busy, m.now)
			}
		}
		if m.inQueue(q, task.Pending, all) > 0 {
			m.announce(c.Queue)
		}
	}
	return task.Result{}
}

func (m *model) setQueueMode(c *task.SetQueueMode) task.Result {
	q := m.ensureQueue(c.Queue)
	q.Mode = c.Mode
	pending := func(t *modelTask) bool { return t.State == task.Pending && t.Queue == c.Queue }
	if c.Mode != task.QueuePaused && len(m.liveWhere(pending)) > 0 {
		m.announce(c.Queue)
	}
	return task.Result{}
}

func waiting(s task.State) bool { return s == task.Scheduled || s == task.Blocked || s == task.Pending }

func (m *model) purgeQueue(c *task.PurgeQueue) task.Result {
	q := m.queue(c.Queue)
	if q == nil {
		return task.Result{Code: task.NoSuchQueue}
	}
	n := len(m.liveWhere(func(t *modelTask) bool { return t.Queue == c.Queue && waiting(t.State) }))
	if n > 0 {
		if q.purge == 0 {
			m.purges = append(m.purges, q)
		}
		q.purge = m.lastID + 1
	}
	return task.Result{Items: []task.Item{{Other: uint64(n)}}}
}
