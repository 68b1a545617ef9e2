package task

// DecodeQueue reads the record of a queue, for tools that look at a state file without building a machine: its name, mode, settings,
// totals and history; Live, OldestAt and Bytes follow from the tasks and are left out.
func DecodeQueue(number uint32, b []byte) (Queue, error) {
	q, err := readQueue(number, b)
	if err != nil {
		return Queue{}, err
	}
	h := &q.history
	return Queue{
		Number: q.number, Name: q.name, Mode: q.mode, Settings: q.settings,
		Enqueued: q.enqueued, Completed: q.completed, Cancelled: q.cancelled, Deleted: q.deleted,
		DeadLettered: q.deadLettered, Failures: q.failures,
		History: HistoryRange{First: h.first, Next: h.next, Bytes: h.bytes},
	}, nil
}

// DecodeWorker reads the name of the worker of a session's record.
func DecodeWorker(session uint64, b []byte) (string, error) {
	s, err := readSession(session, b)
	if err != nil {
		return "", err
	}
	return s.worker, nil
}
