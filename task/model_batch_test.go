package task_test

import (
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
)

const (
	batchKept        = day
	defaultBatchIdle = 7 * day
	maxBatchIdle     = 366 * day
	callbackTTL      = 7 * day
)

// modelBatch is a batch and all tasks that were ever added to it.
type modelBatch struct {
	task.Batch // Counts are not kept up
	members    []*modelTask
	cancelling bool
	below      task.ID // of the tasks that are to be cancelled
	active     task.Time
	seen       task.BatchCounts
	since      [3]task.Time // of each callback's first refusal
}

func (m *model) createBatch(c *task.CreateBatch) task.Result {
	b := &modelBatch{active: m.now}
	if b.Idle = c.IdleTimeout; b.Idle == 0 {
		b.Idle = defaultBatchIdle
	}
	if b.Idle < 0 || b.Idle > maxBatchIdle {
		return task.Result{Code: task.Invalid}
	}
	for k, t := range c.Callbacks {
		if t == nil {
			continue
		}
		if t.Batch != 0 || len(t.DependsOn) > 0 || t.RetryOf != 0 {
			return task.Result{Code: task.Invalid}
		}
		b.Callbacks[k] = task.BatchCallback{State: task.CallbackWaiting, Task: *t}
	}
	m.lastID++
	b.ID, b.Name, b.CreatedAt = m.lastID, c.Name, m.now
	m.batches[b.ID] = b
	return task.Result{Items: []task.Item{{ID: b.ID}}}
}

func (m *model) closeBatch(id task.ID) task.Result {
	b, ok := m.batches[id]
	if !ok {
		return task.Result{Code: task.NoSuchBatch}
	}
	if b.ClosedAt == 0 {
		b.ClosedAt = m.now
	}
	return task.Result{Items: []task.Item{{ID: id}}}
}

func (m *model) cancelBatch(id task.ID) task.Result {
	b, ok := m.batches[id]
	if !ok {
		return task.Result{Code: task.NoSuchBatch}
	}
	n := m.batchCounts(b).Unfinished()
	b.Cancelled = b.Cancelled || n > 0 || b.ClosedAt == 0
	if n > 0 {
		b.cancelling, b.below = true, m.lastID+1
	}
	m.closeBatch(id)
	return task.Result{Items: []task.Item{{ID: id, Other: n}}}
}

// cancelMembers cancels what waits and runs of the batches for which that was asked.
func (m *model) cancelMembers() {
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		b := m.batches[id]
		for _, t := range b.members {
			if b.cancelling && t.ID < b.below && m.live[t.ID] == t && t.State != task.DeadLetter {
				m.cancelOne(t.ID)
			}
		}
		b.cancelling = false
	}
}

// batchCounts counts a batch's tasks where they are now.
func (m *model) batchCounts(b *modelBatch) (c task.BatchCounts) {
	for _, t := range b.members {
		switch {
		case t.State == task.Completed:
			c.Completed++
		case t.State == task.Cancelled:
			c.Cancelled++
		case m.live[t.ID] != t:
			c.Deleted++
		case t.State == task.DeadLetter:
			c.Dead++
		case t.State == task.Running:
			c.Running++
		default:
			c.Waiting++
		}
	}
	return c
}

// callBack enqueues the callbacks whose time has come, one after another: those of the oldest batch first.
func (m *model) callBack() {
	for {
		for _, b := range m.batches {
			n := m.batchCounts(b)
			if n.Total() != b.seen.Total() || n.Unfinished() != b.seen.Unfinished() {
				b.active, b.seen = m.now, n
			}
			if b.ClosedAt == 0 || n.Unfinished() > 0 {
				b.EndedAt = 0
			} else if b.EndedAt == 0 {
				b.EndedAt = m.now
			}
		}
		m.markDue()
		b, k := m.roomForCallback()
		if b == nil {
			b, k = m.dueCallback()
		}
		if b == nil {
			return
		}
		c := &b.Callbacks[k]
		c.State, c.DoneAt, c.NextAt = task.CallbackDone, m.now, 0
		item := m.enqueueOne(c.Task)
		c.ID, c.Code = item.ID, item.Code
		if item.Code != task.OK {
			m.effects.RefusedCallbacks++
			m.refused(b, k)
		}
		if t := m.live[item.ID]; t != nil && item.Code == task.OK {
			t.CallbackOf, t.Callback = b.ID, k
		}
	}
}

// refused has a callback tried again after 1, 2, 4 … seconds, up to a minute, for a week.
func (m *model) refused(b *modelBatch, k task.CallbackKind) {
	c := &b.Callbacks[k]
	wait := second
	for range c.Tries {
		wait = min(2*wait, 60*second)
	}
	if c.Tries++; c.Tries == 1 {
		b.since[k] = m.now
	}
	if c.Code != task.Existing && m.now < b.since[k]+callbackTTL {
		c.State, c.NextAt = task.CallbackRefused, m.now+wait
	}
}

// ageBatches drops batches that ended long ago and are through with their callbacks, closes those that have been idle for too long, and
// makes callbacks due that are to be tried again.
func (m *model) ageBatches() {
	for id, b := range m.batches {
		if at := b.goesAt(); at != 0 && at <= m.now {
			delete(m.batches, id)
		}
		for k := range b.Callbacks {
			if c := &b.Callbacks[k]; c.State == task.CallbackRefused && c.NextAt <= m.now {
				c.State = task.CallbackDue
			}
		}
		if at := m.expiry(b); at != 0 && at <= m.now {
			b.ClosedAt, b.Expired = m.now, true
			m.effects.ExpiredBatches++
		}
	}
}

// goesAt is when a batch is dropped; 0: not as long as it hasn't ended, or calls back.
func (b *modelBatch) goesAt() task.Time {
	last := b.EndedAt
	for _, c := range b.Callbacks {
		if c.State == task.CallbackRefused || c.State == task.CallbackDue {
			return 0
		}
		last = max(last, c.DoneAt)
	}
	if b.EndedAt == 0 {
		return 0
	}
	return last + batchKept
}

// expiry is when an open batch expires; 0: not while some of its tasks wait or run.
func (m *model) expiry(b *modelBatch) task.Time {
	if b.ClosedAt != 0 || m.batchCounts(b).Unfinished() > 0 {
		return 0
	}
	return b.active + b.Idle
}

// markDue notes which callbacks are due. They stay so, should they have to wait.
func (m *model) markDue() {
	for _, b := range m.batches {
		n := m.batchCounts(b)
		for k, due := range []bool{
			task.CallbackSuccess:  b.EndedAt != 0 && n.Completed == n.Total() && !b.Cancelled && !b.Expired,
			task.CallbackDeath:    n.Dead > 0,
			task.CallbackComplete: b.EndedAt != 0,
		} {
			if due && b.Callbacks[k].State == task.CallbackWaiting {
				b.Callbacks[k].State = task.CallbackDue
			}
		}
	}
}

// roomForCallback finds the first callback that its queue refused and takes now: of each queue only that of the oldest batch.
func (m *model) roomForCallback() (*modelBatch, task.CallbackKind) {
	for _, q := range m.queues {
		b, k := m.firstRefused(q.Name)
		if b != nil && !m.suspended() && q.Mode != task.QueueDraining && m.fits(q, len(b.Callbacks[k].Task.Payload), nil) {
			return b, k
		}
	}
	return nil, 0
}

func (m *model) firstRefused(queue string) (*modelBatch, task.CallbackKind) {
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		for k, c := range m.batches[id].Callbacks {
			if c.State == task.CallbackRefused && (c.Code == task.QueueFull || c.Code == task.Draining) && c.Task.Queue == queue {
				return m.batches[id], task.CallbackKind(k)
			}
		}
	}
	return nil, 0
}

func (m *model) dueCallback() (*modelBatch, task.CallbackKind) {
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		b := m.batches[id]
		for k := range b.Callbacks {
			if b.Callbacks[k].State == task.CallbackDue && !m.suspended() {
				return b, task.CallbackKind(k)
			}
		}
	}
	return nil, 0
}

func compareBatches(t reporter, r *replica, m *model) {
	t.Helper()
	var want []task.Batch
	for _, id := range slices.Sorted(maps.Keys(m.batches)) {
		b := m.batches[id].Batch
		b.Counts, b.ExpiresAt = m.batchCounts(m.batches[id]), m.expiry(m.batches[id])
		want = append(want, b)
		got, _ := r.machine.Batch(id)
		same(t, "batch", got, b)
	}
	var got []task.Batch
	for after := task.ID(0); ; after = got[len(got)-1].ID {
		page := r.machine.Batches(after, 2)
		got = append(got, page...)
		if len(page) < 2 {
			break
		}
	}
	same(t, "batches", got, want)
	if b, ok := r.machine.Batch(m.lastID + 1); ok {
		t.Fatalf("there is a batch too many: %+v", b)
	}
}

func (r random) batch() task.ID {
	if ids := slices.Sorted(maps.Keys(r.m.batches)); len(ids) > 0 && r.number("batch is there", 0, 19) > 0 {
		return some(r, "batch", ids...)
	}
	return task.ID(r.number("batch", 0, int(r.m.lastID)+1))
}

func (r random) createBatch() task.Command {
	c := &task.CreateBatch{
		Name:        some(r, "name", "", "nightly"),
		IdleTimeout: some(r, "idle", 0, second, 5*second, 5*second, hour, hour, day, maxBatchIdle, maxBatchIdle+1, -1),
	}
	for k := range c.Callbacks {
		if r.number("callback", 0, 2) > 0 {
			t := r.newTask()
			if t.Batch = 0; r.number("callback depends", 0, 29) > 0 {
				t.DependsOn, t.ParentsDone, t.RetryOf = nil, nil, 0
			}
			c.Callbacks[k] = &t
		}
	}
	return c
}

func (r random) closeBatch() task.Command  { return &task.CloseBatch{ID: r.batch()} }
func (r random) cancelBatch() task.Command { return &task.CancelBatch{ID: r.batch()} }
