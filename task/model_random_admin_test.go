package task_test

import (
	"github.com/rowlock/rowlock/task"
)

func (r random) cancel() task.Command {
	return &task.Cancel{IDs: r.ids("cancel", task.Running, task.Pending, task.Blocked, task.DeadLetter, task.Scheduled)}
}

func (r random) retry() task.Command {
	return &task.Retry{IDs: r.ids("retry", task.DeadLetter, task.Scheduled)}
}

func (r random) delete() task.Command {
	return &task.Delete{
		IDs:  r.ids("delete", task.DeadLetter, task.Pending, task.Blocked, task.Scheduled),
		Only: some(r, "only", task.None, task.DeadLetter, task.Pending),
	}
}

func (r random) reset() task.Command { return &task.Reset{IDs: r.ids("reset", task.Running)} }

func (r random) resetQuiet() task.Command {
	return &task.ResetQuiet{IDs: r.ids("reset", task.Running), Before: r.m.now + second - r.duration("quiet for")}
}

func (r random) reschedule() task.Command {
	return &task.Reschedule{
		ID:       r.id("reschedule", task.Scheduled, task.Pending),
		RunAt:    rarely(r, 3, "run at", func() task.Time { return r.m.now - second + r.duration("run at") }),
		Delay:    rarely(r, 3, "delay", func() task.Duration { return r.duration("delay") }),
		KeepTime: r.number("keep time", 0, 1) == 1,
		Priority: some(r, "priority", uint8(task.KeepPriority), 0, 5, 9),
	}
}

func (r random) move() task.Command {
	return &task.Move{
		IDs:   r.ids("move", task.Scheduled, task.Pending, task.Blocked, task.DeadLetter),
		Queue: some(r, "to", queueNames...),
	}
}

func (r random) setQueue() task.Command {
	fields := task.SettingsField(r.number("fields", 0, 31)) // retention has a test of its own
	for _, f := range []task.SettingsField{task.FieldMaxTasks, task.FieldMaxBytes, task.FieldDeadLetterQueue} {
		fields |= rarely(r, 3, "a later field", func() task.SettingsField { return f })
	}
	return &task.SetQueue{
		Queue:  some(r, "queue", queueNames...),
		Fields: fields,
		Settings: task.QueueSettings{
			MaxAttempts:     some(r, "max attempts", uint16(0), 1, 3),
			MaxWorkerDeaths: some(r, "max deaths", uint8(0), 1, 2),
			Timeout:         some(r, "timeout", task.Duration(0), 10*second),
			TTL:             some(r, "ttl", task.Duration(0), 0, 20*second),
			Backoff:         r.backoff(),
			MaxTasks:        some(r, "max tasks", uint64(0), 0, 2, 5),
			MaxBytes:        some(r, "max bytes", uint64(0), 0, 30, 100),
			DeadLetterQueue: some(r, "dead letter queue", append([]string{"", "dead"}, queueNames...)...),
		},
	}
}

// setLimits draws settings of dispatch.
func (r random) setLimits() task.Command {
	return &task.SetQueue{
		Queue: some(r, "queue", queueNames...),
		Fields: some(r, "fields", task.FieldMaxRunning, task.FieldRate, task.FieldKeyMaxRunning, task.FieldKeyRate,
			task.FieldFairWeights, task.FieldPriorityAging, task.FieldStickyWait, task.FieldMaxRunning|task.FieldKeyRate|task.FieldKeyMaxRunning),
		Settings: task.QueueSettings{
			MaxRunning:    some(r, "max running", uint32(0), 1, 2),
			Rate:          r.rate(),
			KeyMaxRunning: some(r, "key max running", uint32(0), 1, 2),
			KeyRate:       r.rate(),
			FairWeights:   some(r, "weights", nil, []task.KeyWeight{{Key: "t1", Weight: 3}}, []task.KeyWeight{{Key: "", Weight: 2}, {Key: "t2", Weight: 2}}),
			PriorityAging: some(r, "aging", 0, second, hour),
			StickyWait:    some(r, "sticky wait", 0, 2*second, hour),
		},
	}
}

func (r random) rate() task.Rate {
	return some(r, "rate", task.Rate{}, task.Rate{Tasks: 1, Per: 2 * second}, task.Rate{Tasks: 2, Per: 6 * second}, task.Rate{Tasks: 2, Per: 5 * second, Burst: 1}, task.Rate{Tasks: 3, Per: second, Burst: 5})
}

func (r random) setMode() task.Command {
	return &task.SetQueueMode{
		Queue: some(r, "queue", queueNames...),
		Mode:  some(r, "mode", task.QueueOpen, task.QueueOpen, task.QueuePaused, task.QueueDraining),
	}
}

func (r random) purge() task.Command { return &task.PurgeQueue{Queue: some(r, "queue", queueNames...)} }

func (r random) openProducer() task.Command { return &task.OpenProducer{Name: "p"} }

func (r random) deleteFinished() task.Command {
	id := r.id("delete finished")
	f := r.m.finished[id] // or nothing
	return &task.DeleteFinished{Refs: []task.FinishedRef{{ID: id, Queue: f.QueueNumber, Sequence: f.HistorySequence}}}
}
