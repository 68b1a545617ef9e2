package task

import (
	"slices"
	"strings"
)

// Task returns a live task, or one that finished and isn't committed to disk yet.
func (m *Machine) Task(id ID) (Task, bool) {
	if s := m.index.get(id); s != 0 {
		return m.view(m.tasks.at(s)), true
	}
	ref, ok := m.recent.get(id)
	if !ok {
		return Task{}, false
	}
	tasks := m.RecentFinished(ref.queue, ref.seq, 1)
	if len(tasks) == 0 || tasks[0].ID != id {
		return Task{}, false
	}
	return tasks[0], true
}

// view copies a live task.
func (m *Machine) view(r *record) Task {
	t := Task{
		ID: r.id, Queue: m.queues[r.queue].name, QueueNumber: r.queue, Kind: m.kinds.names[r.kind],
		State: r.state, Reason: r.reason, Priority: r.priority, PayloadLen: r.payloadLen,
		Attempt: r.attempt, MaxAttempts: r.maxAttempts, Failures: r.failures,
		WorkerDeaths: r.deaths, MaxWorkerDeaths: r.maxDeaths, Timeout: Duration(r.timeoutMS) * 1000,
		EnqueuedAt: r.enqueued, ExpiresAt: r.expires, StartedAt: r.started, Token: r.token,
	}
	switch {
	case r.payload != 0:
		t.Payload = slices.Clone(m.arena.get(r.payload, int(r.payloadLen)))
	case r.payloadLen > 0:
		t.PayloadOnDisk = true
	}
	if r.cold != 0 {
		c := m.coldOf(r)
		c.clone()
		t.setCold(&c)
	}
	if n := len(t.Errors); n > 0 {
		t.Worker = t.Errors[n-1].Worker
	}
	t.setTimes(r.state, r.at)
	if r.state == Running {
		s := m.sessions.all[r.owner]
		t.Session, t.Worker = s.id, s.worker
	}
	return t
}

// LeaseOf returns the session and the token of a running task.
func (m *Machine) LeaseOf(id ID) (session, token uint64, ok bool) {
	s := m.index.get(id)
	if s == 0 {
		return 0, 0, false
	}
	r := m.tasks.at(s)
	if r.state != Running {
		return 0, 0, false
	}
	return m.sessions.all[r.owner].id, r.token, true
}

// List returns live tasks by ascending ID, and the cursor after which to go on; 0: there are no more.
func (m *Machine) List(f ListFilter) ([]Task, ID) {
	var out []Task
	var cursor, last ID
	scanned := 0
	m.index.after(f.After, func(s slot) bool {
		if len(out) == f.Limit || scanned == f.Scan {
			cursor = last
			return false
		}
		scanned++
		r := m.tasks.at(s)
		if f.Below != 0 && r.id >= f.Below {
			return false
		}
		last = r.id
		if m.matches(r, &f) {
			out = append(out, m.listed(r, &f))
		}
		return true
	})
	return out, cursor
}

func (m *Machine) listed(r *record, f *ListFilter) Task {
	if !f.OmitPayload {
		return m.view(r)
	}
	bare := *r
	bare.payload = 0
	t := m.view(&bare)
	t.PayloadOnDisk = false // wherever it is, it was left out
	return t
}

func (m *Machine) matches(r *record, f *ListFilter) bool {
	switch {
	case len(f.States) > 0 && !slices.Contains(f.States, r.state),
		f.Queue != "" && m.queues[r.queue].name != f.Queue,
		f.Kind != "" && m.kinds.names[r.kind] != f.Kind,
		f.Batch != 0 && m.batchOf(r) != f.Batch,
		f.Worker != "" && (r.state != Running || m.sessions.all[r.owner].worker != f.Worker):
		return false
	}
	if f.QuietFor == 0 {
		return true
	}
	return r.state == Running && m.lastSign(r) < f.QuietFor
}

// RecentFinished returns tasks of a queue's history that aren't committed to disk yet, from a sequence on.
func (m *Machine) RecentFinished(number uint32, from uint64, limit int) []Task {
	if number == 0 || int(number) >= len(m.queues) {
		return nil
	}
	q := m.queues[number]
	var out []Task
	take := func(list []Finished) {
		if len(list) == 0 {
			return
		}
		i := uint64(0)
		if from > list[0].Sequence {
			i = from - list[0].Sequence
		}
		for ; i < uint64(len(list)) && len(out) < limit; i++ {
			f := &list[i]
			if ref, ok := m.recent.get(f.ID); !ok || ref != (recentRef{number, f.Sequence}) || f.Sequence < q.history.first {
				continue
			}
			t, err := DecodeFinished(f.Record)
			if err != nil {
				panic("task: a finished task in memory doesn't decode")
			}
			t.Payload, t.PayloadOnDisk = slices.Clone(f.Payload), f.PayloadOnDisk
			out = append(out, t)
		}
	}
	if cp := m.dirty.cp; cp != nil {
		if i, ok := slices.BinarySearchFunc(cp.History, number, func(c HistoryChunk, n uint32) int { return int(c.Queue) - int(n) }); ok {
			take(cp.History[i].Tasks)
		}
	}
	take(q.recent)
	return out
}

// Queue returns a queue by its name.
func (m *Machine) Queue(name string) (Queue, bool) {
	q, ok := m.queueNames[name]
	if !ok {
		return Queue{}, false
	}
	return m.queueView(q), true
}

// QueueByNumber returns a queue by its number.
func (m *Machine) QueueByNumber(n uint32) (Queue, bool) {
	if n == 0 || int(n) >= len(m.queues) {
		return Queue{}, false
	}
	return m.queueView(m.queues[n]), true
}

// QueueCount is the number of queues.
func (m *Machine) QueueCount() int { return len(m.queues) - 1 }

// Queues returns up to limit queues whose names come after the given one, by name.
func (m *Machine) Queues(after string, limit int) []Queue {
	names := sortedKeys(m.queueNames)
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	var out []Queue
	for ; i < len(names) && len(out) < limit; i++ {
		out = append(out, m.queueView(m.queueNames[names[i]]))
	}
	return out
}

func (m *Machine) queueView(q *queue) Queue {
	v := Queue{
		Number: q.number, Name: q.name, Mode: q.mode, Settings: q.settings, Live: q.live,
		Enqueued: q.enqueued, Completed: q.completed, Cancelled: q.cancelled, Deleted: q.deleted,
		DeadLettered: q.deadLettered, Failures: q.failures,
		History: HistoryRange{First: q.history.first, Next: q.history.next, Bytes: q.history.bytes},
		Bytes:   q.bytes,
	}
	v.Live[None], v.Live[Completed], v.Live[Cancelled] = 0, 0, 0
	v.Settings.Backoff.Delays = slices.Clone(q.settings.Backoff.Delays)
	v.OldestAt = m.oldest(q)
	return v
}

// PendingFor is the number of pending tasks that a session could lease now; 0 for an unknown one.
func (m *Machine) PendingFor(session uint64) uint64 {
	s, ok := m.sessions.get(session)
	if !ok {
		return 0
	}
	return m.pendingFor(s)
}

// Session returns an open worker session.
func (m *Machine) Session(id uint64) (Session, bool) {
	s, ok := m.sessions.get(id)
	if !ok {
		return Session{}, false
	}
	v := Session{
		ID: s.id, Worker: s.worker, Pool: s.pool, Kinds: slices.Clone(s.kinds), Labels: slices.Clone(s.labels),
		OpenedAt: s.openedAt, SilentSince: s.silent, Draining: s.draining, Running: s.running, Digest: s.digest,
	}
	for _, q := range s.queues {
		v.Queues = append(v.Queues, QueueWeight{Queue: strings.Clone(q.name), Weight: uint16(q.weight)})
	}
	return v, true
}

// SessionDrains reports whether a session gets no more leases.
func (m *Machine) SessionDrains(id uint64) bool {
	s, ok := m.sessions.get(id)
	return ok && s.draining
}

// Sessions returns the open worker sessions by ID.
func (m *Machine) Sessions() []Session {
	var out []Session
	for _, id := range m.sessions.ids() {
		s, _ := m.Session(id)
		out = append(out, s)
	}
	return out
}

// SessionLeases returns a session's leases, by ascending token.
func (m *Machine) SessionLeases(id uint64) []LeaseRef {
	s, ok := m.sessions.get(id)
	if !ok {
		return nil
	}
	out := make([]LeaseRef, 0, s.running)
	for i := s.head; i != 0; i = m.tasks.at(i).next {
		out = append(out, LeaseRef{ID: m.tasks.at(i).id, Token: m.tasks.at(i).token})
	}
	return out
}

// SessionHeld is how many leases a session holds, and their digest.
func (m *Machine) SessionHeld(id uint64) (n int, digest uint64, ok bool) {
	s, ok := m.sessions.get(id)
	if !ok {
		return 0, 0, false
	}
	return int(s.running), s.digest, true
}
