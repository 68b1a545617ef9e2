package task_test

import (
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// modelRequest is the remembered answer to a request.
type modelRequest struct {
	id     string
	at     task.Time
	code   task.Code
	items  []task.Item
	leases []task.LeaseRef
}

// request executes a command, or answers as it did the first time. Of a lease those tasks are told that are still
// leased under it.
func (m *model) request(c *task.Request) task.Result {
	for _, r := range m.requests {
		if r.id == c.ID {
			return m.answerAgain(r)
		}
	}
	result := m.execute(c.Command)
	if result.Code == task.ResolveAgain {
		return result // not an answer: the proposer comes again
	}
	r := &modelRequest{id: c.ID, at: m.now, code: result.Code, items: result.Items}
	for _, l := range result.Leased {
		r.leases = append(r.leases, task.LeaseRef{ID: l.ID, Token: l.Token})
	}
	m.requests = append(m.requests, r)
	return result
}

func (m *model) answerAgain(r *modelRequest) task.Result {
	result := task.Result{Code: r.code, Items: r.items}
	for _, l := range r.leases {
		if t, live := m.live[l.ID]; live && t.State == task.Running && t.Token == l.Token {
			result.Leased = append(result.Leased, m.leased(t.Task))
		}
	}
	return result
}

// tick does what is due: first the children of ended tasks are told; then the tasks' timers fire, the earliest first,
// ties by ID; then come the purges; then what is kept for a time only is forgotten.
func (m *model) tick() task.Result {
	if m.suspended() {
		return task.Result{}
	}
	m.tellChildren()
	for {
		t := m.due()
		if t == nil {
			break
		}
		m.fire(t)
	}
	for _, q := range m.purges {
		m.purge(q)
	}
	m.purges = nil
	m.fireQueued()
	m.cancelWorkflows()
	m.forgetWorkflows()
	m.cancelMembers()
	m.callBack()
	m.ageBatches()
	for k, h := range m.keys {
		if _, taken := m.hold(k); !taken && h.until <= m.now {
			delete(m.keys, k)
		}
	}
	for id, p := range m.producers {
		if p.seen+producerIdle <= m.now {
			delete(m.producers, id)
		}
	}
	m.forgetOperations()
	m.requests = slices.DeleteFunc(m.requests, func(r *modelRequest) bool { return r.at+requestKept <= m.now })
	return task.Result{}
}

// timer is when a Tick has something to do for the task; 0: never.
func timer(t *modelTask) task.Time {
	switch t.State {
	case task.Running:
		return t.Deadline
	case task.Blocked:
		return t.ExpiresAt
	case task.Pending:
		if t.ExpiresAt != 0 && t.reservedUntil != 0 {
			return min(t.ExpiresAt, t.reservedUntil)
		}
		return t.ExpiresAt + t.reservedUntil
	case task.Scheduled:
		if t.ExpiresAt != 0 {
			return min(t.RunAt, t.ExpiresAt)
		}
		return t.RunAt
	}
	return 0
}

// due is the task with the earliest timer that is due.
func (m *model) due() *modelTask {
	var first *modelTask
	for _, id := range m.liveIDs() {
		t := m.live[id]
		if at := timer(t); at != 0 && at <= m.now && (first == nil || at < timer(first)) {
			first = t
		}
	}
	return first
}

func (m *model) fire(t *modelTask) {
	switch {
	case t.State == task.Running:
		m.revoke(t, task.RevokedTimeout)
		m.fail(t, task.CauseTimeout, fmt.Sprintf("attempt timed out after %.3f s", float64(t.Timeout)/float64(second)), 0)
	case t.ExpiresAt != 0 && t.ExpiresAt <= m.now: // also if its run time has come as well
		m.toDeadLetter(t, task.ReasonExpired)
	case t.State == task.Pending: // its worker didn't come for it
		m.unready(t)
		t.State = task.Pending
		m.queueUp(t, true)
		t.reserved, t.reservedUntil = 0, 0
	default:
		m.toPending(t, false)
	}
}

func (m *model) purge(q *modelQueue) {
	below := q.purge
	q.purge = 0
	for _, id := range m.liveIDs() {
		if t, live := m.live[id]; live && t.Queue == q.Name && waiting(t.State) && id < below {
			m.remove(t)
		}
	}
}
