package task

// quotaStates are the states that count for a queue's quota. Dead letters don't: they wait for somebody who acts, and a queue
// that had them would stand still for tasks that nobody asked for.
var quotaStates = states(Scheduled, Blocked, Pending, Running)

func counts(s State) bool { return quotaStates&(1<<s) != 0 }

// weigh takes a task's payload into the queue's account, or out of it.
//
// Invariant: bytes is the sum of the payloads of the queue's live tasks that count. It isn't written to the state file: it
// follows from the tasks.
func (q *queue) weigh(r *record, from, to State) {
	switch before, now := counts(from), counts(to); {
	case before == now:
	case now:
		q.bytes += uint64(r.payloadLen)
	default:
		q.bytes -= uint64(r.payloadLen)
	}
}

// quotaTasks is how many tasks count for the quota.
func (q *queue) quotaTasks() uint64 {
	return q.live[Scheduled] + q.live[Blocked] + q.live[Pending] + q.live[Running]
}

// admits says whether the queue has room for a new task, once the one that it replaces, if any, has gone.
func (q *queue) admits(payload int, replaced *record) bool {
	s := &q.settings
	if s.MaxTasks == 0 && s.MaxBytes == 0 {
		return true
	}
	tasks, bytes := q.quotaTasks()+1, q.bytes+uint64(payload)
	if replaced != nil {
		tasks--
		bytes -= uint64(replaced.payloadLen)
	}
	return (s.MaxTasks == 0 || tasks <= s.MaxTasks) && (s.MaxBytes == 0 || bytes <= s.MaxBytes)
}

// admitsMore reports whether there is room for one more task after those of a load. It gives no credit for what they replace.
func (q *queue) admitsMore(l load, payload int) bool {
	s := &q.settings
	return (s.MaxTasks == 0 || q.quotaTasks()+l.tasks < s.MaxTasks) && (s.MaxBytes == 0 || q.bytes+l.bytes+uint64(payload) <= s.MaxBytes)
}

// admitsPayload says whether a task of the queue may have another payload. A smaller one is always welcome.
func (q *queue) admitsPayload(r *record, payload int) bool {
	limit := q.settings.MaxBytes
	return limit == 0 || payload <= int(r.payloadLen) || q.bytes-uint64(r.payloadLen)+uint64(payload) <= limit
}
