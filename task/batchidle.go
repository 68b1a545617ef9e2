package task

// How long an open batch may be idle: none of its tasks waits or runs, and nothing is added. Its client has gone, most likely, and
// will never close it.
const (
	DefaultBatchIdle Duration = 7 * 24 * 3600 * second
	MaxBatchIdle     Duration = 366 * 24 * 3600 * second
)

// expiresAt is when a batch expires, if nothing is added to it till then; 0: it doesn't, as it is closed, or some of its tasks wait
// or run.
func (b *batch) expiresAt() Time {
	if b.closed != 0 || b.counts.Unfinished() > 0 {
		return 0
	}
	return after(b.active, b.idle)
}

// watchIdle sets the alarm of a batch that may expire, unless there is one already: that comes early, and is set again. So there is
// one, however often the batch becomes idle.
func (m *Machine) watchIdle(b *batch) {
	if at := b.expiresAt(); at != 0 && !b.alarmed {
		b.alarmed = true
		m.alarms.push(alarm{at: at, kind: alarmBatchIdle, id: uint64(b.id)})
	}
}

// idleAlarm closes a batch that has been idle for too long. Whoever began it didn't say that its tasks are all, so that it can't
// have succeeded: on_complete comes, and on_success never.
func (m *Machine) idleAlarm(id ID, came Time) bool {
	b := m.batches.byID[id]
	if b == nil {
		return false
	}
	b.alarmed = false
	if at := b.expiresAt(); at == 0 || m.early(came, at) {
		m.watchIdle(b)
		return false
	}
	b.expired = true
	m.effects.ExpiredBatches++
	m.shut(b)
	return true
}
