package task_test

import (
	"cmp"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// modelTenant is what is remembered of a fair key of a queue besides its tasks.
type modelTenant struct {
	turn int64
	used uint16
	busy task.Time // of its rate: until when what has started would take at an even pace
}

// modelFlow is what dispatch looks at in a task.
type modelFlow struct {
	fairKey   string
	singleton string
	sticky    string
	require   []task.Label
}

// defaultStickyWait is how long a task waits for the worker of its sticky key.
const defaultStickyWait = 5 * second

// dispatchLevel is the feature level from which on dispatch looks at more than queue, kind and priority.
const dispatchLevel = 3

func (m *model) flowOf(t *modelTask) modelFlow {
	if m.level < dispatchLevel {
		return modelFlow{}
	}
	return modelFlow{t.FairKey, t.SingletonKey, t.StickyKey, t.Require}
}

// beginFlows has what pending tasks say of their flow take effect, oldest first.
func (m *model) beginFlows() {
	pending := m.liveWhere(func(t *modelTask) bool {
		return t.State == task.Pending && (t.FairKey+t.SingletonKey != "" || len(t.Require) > 0)
	})
	slices.SortFunc(pending, func(a, b *modelTask) int { return cmp.Compare(a.ready, b.ready) })
	for _, t := range m.live {
		if !slices.Contains(pending, t) {
			t.flow = m.flowOf(t)
		}
	}
	for _, t := range pending {
		m.unready(t)
		t.flow = m.flowOf(t)
		t.State = task.Pending
		m.makeReady(t)
	}
}

func (m *model) tenant(q *modelQueue, key string) *modelTenant {
	k := modelKey{q.Number, key}
	if m.tenants[k] == nil {
		m.tenants[k] = &modelTenant{}
	}
	return m.tenants[k]
}

// inQueue counts the tasks of a queue in a state that ok selects.
func (m *model) inQueue(q *modelQueue, s task.State, ok func(*modelTask) bool) int {
	return len(m.liveWhere(func(t *modelTask) bool { return t.Queue == q.Name && t.State == s && ok(t) }))
}

func all(*modelTask) bool { return true }

func sameKey(key string) func(*modelTask) bool {
	return func(t *modelTask) bool { return t.flow.fairKey == key }
}

// makeReady gives the fair key of a task that has become pending its place in the round, if it is its first.
func (m *model) makeReady(t *modelTask) {
	q := m.queueOf(t)
	m.reserve(t)
	m.live[t.ID] = t
	if m.inQueue(q, task.Pending, sameKey(t.flow.fairKey)) > 1 {
		return
	}
	if m.inQueue(q, task.Pending, all) == 1 {
		q.turns = 0
		return
	}
	q.turns++
	m.tenant(q, t.flow.fairKey).turn = q.turns
}

// reserve has a task wait for the worker that ran the last one with its sticky key, if that may have it.
func (m *model) reserve(t *modelTask) {
	t.reserved, t.reservedUntil = 0, 0
	q := m.queueOf(t)
	s := m.session(m.sticky[modelKey{q.Number, t.flow.sticky}])
	if t.flow.sticky == "" || s == nil || !satisfies(s, t.flow.require) || len(s.Kinds) > 0 && !slices.Contains(s.Kinds, t.Kind) ||
		!slices.ContainsFunc(s.Queues, func(w task.QueueWeight) bool { return w.Queue == q.Name }) {
		return
	}
	t.reserved, t.reservedUntil = s.ID, m.now+cmp.Or(q.Settings.StickyWait, defaultStickyWait)
}

// unready takes a task out of the pending ones, if it is one.
func (m *model) unready(t *modelTask) {
	if t.State != task.Pending {
		return
	}
	t.State = task.None
	if q := m.queueOf(t); m.inQueue(q, task.Pending, sameKey(t.flow.fairKey)) == 0 {
		x := m.tenant(q, t.flow.fairKey)
		x.turn, x.used = 0, 0
	}
}

// serve counts a task that is about to run against its key's turn and the rates.
func (m *model) serve(t *modelTask, s *modelSession) {
	q := m.queueOf(t)
	if t.flow.sticky != "" {
		m.sticky[modelKey{q.Number, t.flow.sticky}] = s.ID
	}
	x := m.tenant(q, t.flow.fairKey)
	if m.inQueue(q, task.Pending, all) > m.inQueue(q, task.Pending, sameKey(t.flow.fairKey)) {
		x.used++
		if x.used >= weight(q, t.flow.fairKey) {
			q.turns++
			x.used, x.turn = 0, q.turns
		}
	}
	if r := q.Settings.KeyRate; t.flow.fairKey != "" && r.Tasks > 0 {
		x.busy = max(x.busy, m.now) + interval(r)
	}
	if r := q.Settings.Rate; r.Tasks > 0 {
		q.busy = max(q.busy, m.now) + interval(r)
	}
}

func weight(q *modelQueue, key string) uint16 {
	for _, w := range q.Settings.FairWeights {
		if w.Key == key {
			return max(w.Weight, 1)
		}
	}
	return 1
}

func interval(r task.Rate) task.Duration { return max(r.Per/task.Duration(r.Tasks), 1) }

// opens is when a rate lets the next task start.
func opens(r task.Rate, busy task.Time) task.Time {
	if r.Tasks == 0 {
		return 0
	}
	return busy - task.Duration(cmp.Or(r.Burst, r.Tasks)-1)*interval(r)
}

// owed is what a new rate leaves of what was owed under the last one: no more than if all of the burst had just started.
func owed(r task.Rate, busy, now task.Time) task.Time {
	if r.Tasks == 0 {
		return 0
	}
	return min(busy, now+task.Duration(cmp.Or(r.Burst, r.Tasks))*interval(r))
}

// keyOpens is when the limits of a fair key let the next of its tasks start; false: when one of its tasks ends.
func (m *model) keyOpens(q *modelQueue, key string) (task.Time, bool) {
	if key == "" {
		return 0, true
	}
	if limit := q.Settings.KeyMaxRunning; limit > 0 && m.inQueue(q, task.Running, sameKey(key)) >= int(limit) {
		return 0, false
	}
	return opens(q.Settings.KeyRate, m.tenant(q, key).busy), true
}

// allowed reports whether no limit holds a pending task back.
func (m *model) allowed(t *modelTask) bool {
	q := m.queueOf(t)
	at, ok := m.keyOpens(q, t.flow.fairKey)
	if !ok || at > m.now {
		return false
	}
	return t.flow.singleton == "" || m.inQueue(q, task.Running, func(o *modelTask) bool { return o.flow.singleton == t.flow.singleton }) == 0
}

// room is how many tasks of a queue may start now.
func (m *model) room(q *modelQueue) int {
	if q.Mode == task.QueuePaused || opens(q.Settings.Rate, q.busy) > m.now {
		return 0
	}
	if limit := int(q.Settings.MaxRunning); limit > 0 {
		return max(limit-m.inQueue(q, task.Running, all), 0)
	}
	return 1 << 30
}

// vacate tells whoever waits for what a running task held, before it stops running.
func (m *model) vacate(t *modelTask) {
	q := m.queueOf(t)
	pending := func(ok func(*modelTask) bool) bool { return m.inQueue(q, task.Pending, ok) > 0 }
	full := q.Settings.MaxRunning > 0 && m.inQueue(q, task.Running, all) == int(q.Settings.MaxRunning) && pending(all)
	_, keyBefore := m.keyOpens(q, t.flow.fairKey)
	t.State = task.None
	at, keyNow := m.keyOpens(q, t.flow.fairKey)
	key := !keyBefore && keyNow && at <= m.now && pending(sameKey(t.flow.fairKey))
	single := t.flow.singleton != "" && pending(func(o *modelTask) bool { return o.flow.singleton == t.flow.singleton })
	t.State = task.Running
	if full || key || single {
		m.announce(q.Name)
	}
}

// opening is something that its rate held back.
type opening struct {
	at  task.Time
	q   *modelQueue
	key string
}

// openings are the queues and fair keys with pending tasks that their rates hold back, by the time at which they don't.
func (m *model) openings() []opening {
	var list []opening
	for _, q := range m.queues {
		if at := opens(q.Settings.Rate, q.busy); at > m.now && m.inQueue(q, task.Pending, all) > 0 {
			list = append(list, opening{at, q, ""})
		}
		for k, x := range m.tenants {
			if at := opens(q.Settings.KeyRate, x.busy); k.queue == q.Number && at > m.now && m.inQueue(q, task.Pending, sameKey(k.key)) > 0 {
				list = append(list, opening{at, q, k.key})
			}
		}
	}
	slices.SortFunc(list, func(a, b opening) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.q.Number, b.q.Number), cmp.Compare(a.key, b.key))
	})
	return list
}

// pass lets time go on, and tells what rates don't hold back any more.
func (m *model) pass(now task.Time) {
	list := m.openings()
	m.now = max(m.now, now)
	for _, o := range list {
		if o.at > m.now {
			break
		}
		if _, ok := m.keyOpens(o.q, o.key); ok {
			m.announce(o.q.Name)
		}
	}
	for _, q := range m.queues {
		if q.busy <= m.now {
			q.busy = 0
		}
	}
	for _, x := range m.tenants {
		if x.busy <= m.now {
			x.busy = 0
		}
	}
}
