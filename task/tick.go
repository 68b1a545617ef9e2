package task

import (
	"bytes"
	"cmp"
	"slices"
)

// tick lets what is due happen: children of parents that ended, tasks' timers, purges, ticks that were queued, workflows and
// batches that are cancelled, callbacks, and what else expires; at most maxTransitions tasks. What remains is due at once.
func (m *Machine) tick() Result {
	if m.suspended() {
		return Result{}
	}
	m.stepCascades()
	m.stepTimers()
	for len(m.purges) > 0 && m.budget > 0 && m.stepPurge() {
	}
	m.stepSchedules()
	for len(m.workflows.cancelling) > 0 && m.budget > 0 && m.stepCancels() {
	}
	for len(m.batches.cancels) > 0 && m.budget > 0 && m.stepBatchCancel() {
	}
	m.stepCallbacks(maxTransitions) // before their batches' time is over
	m.stepAlarms()
	m.requests.expire(m.now)
	return Result{}
}

func (m *Machine) stepTimers() {
	for m.budget > 0 {
		t, ok := m.timers.next()
		if !ok || t.at > m.now {
			return
		}
		m.budget--
		m.fire(t.slot, m.tasks.at(t.slot))
	}
}

// fire does what a task's timer is for.
func (m *Machine) fire(s slot, r *record) {
	switch {
	case r.state == Running:
		m.timedOut(s, r)
	case r.expires != 0 && r.expires <= m.now:
		m.toDeadLetter(s, r, ReasonExpired)
	case r.state == Pending:
		m.unreserve(s, r)
	default:
		m.toPending(s, r)
	}
}

// NextTimer returns the state time at which a Tick is due; false: none, as while the cluster is suspended. A time that has passed means at once.
func (m *Machine) NextTimer() (Time, bool) {
	if m.suspended() {
		return 0, false
	}
	if len(m.cascades) > 0 || len(m.purges) > 0 || len(m.schedules.wakes) > 0 || len(m.workflows.cancelling) > 0 ||
		len(m.batches.cancels) > 0 || len(m.batches.due) > 0 || len(m.batches.roomy) > 0 {
		return m.now, true
	}
	var next []Time
	if t, ok := m.timers.next(); ok {
		next = append(next, t.at)
	}
	if len(m.alarms) > 0 {
		next = append(next, m.alarms[0].at)
	}
	if len(m.wakes) > 0 {
		next = append(next, m.wakes[0].at)
	}
	if at, ok := m.requests.next(); ok {
		next = append(next, at)
	}
	if len(next) == 0 {
		return 0, false
	}
	return slices.Min(next), true
}

// alarm is a deadline of something other than a live task.
//
// Alarms are lazy: one may come early, finds that nothing is due, and is set again. What happens at a Tick, and what is left to
// the next as the budget runs out, depends on the things' own deadlines only, so that members whose alarms differ, as after a
// restart, still agree.
type alarm struct {
	at   Time
	kind alarmKind
	id   uint64
	key  uniqueKey
}

type alarmKind uint8

const (
	alarmProducer  alarmKind = iota // id: the producer, which may have been idle for too long
	alarmUnique                     // key: whose window may be over
	alarmRetention                  // id: the queue, whose oldest history may be too old
	alarmOperation                  // id: the bulk operation, which ended long ago
	alarmWorkflow                   // id: that ended
	alarmBatch                      // id: the batch, which may have ended long enough ago
	alarmBatchIdle                  // id: the batch, which may have been idle for too long
	alarmCallback                   // id: the batch, some callback of which is tried again
)

// before orders alarms by time, and those of one time in the same way on every member.
func (a *alarm) before(b *alarm) bool {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id), bytes.Compare(a.key[:], b.key[:])) < 0
}

// early reports whether an alarm came before the deadline that its thing has by now: even if both have passed, another is set
// for the deadline, and acts in its order.
func (m *Machine) early(at, deadline Time) bool {
	return deadline > m.now || m.level >= LevelFeatures && deadline > at
}

// alarms has the first one in front.
type alarms = heap[alarm, *alarm]

// stepAlarms handles the alarms that are due, as long as the budget lasts. Each either ends something, which the
// budget counts, or is set to a later time.
func (m *Machine) stepAlarms() {
	for m.budget > 0 && len(m.alarms) > 0 && m.alarms[0].at <= m.now {
		v := m.alarms.pop()
		ended := false
		switch v.kind {
		case alarmProducer:
			ended = m.producerAlarm(v.id, v.at)
		case alarmUnique:
			ended = m.windowEnded(v.key, v.at)
		case alarmWorkflow:
			ended = m.workflowAlarm(ID(v.id))
		case alarmRetention:
			m.retentionAlarm(m.queues[v.id])
		case alarmOperation:
			ended = m.operationAlarm(ID(v.id))
		case alarmBatch:
			ended = m.batchAlarm(ID(v.id), v.at)
		case alarmBatchIdle:
			ended = m.idleAlarm(ID(v.id), v.at)
		case alarmCallback:
			ended = m.callbackAlarm(ID(v.id), v.at)
		}
		m.budget -= b2i(ended)
	}
}
