package task

import (
	"slices"
	"strings"
)

// Built-in defaults, under the queue's.
const (
	defaultMaxAttempts     = 25
	defaultMaxWorkerDeaths = 3
	defaultBackoffInitial  = 1 * second
	defaultBackoffMaximum  = 3600 * second
	defaultBackoffFactor   = 2000
	defaultRetentionAge    = 24 * 3600 * second
	defaultRetentionBytes  = 1 << 30
	defaultStickyWait      = 5 * second
)

// queue is a named stream of tasks with its settings and counts. Counts are kept as tasks move, never recomputed.
type queue struct {
	number   uint32
	name     string
	mode     QueueMode
	settings QueueSettings

	live         [stateCount]uint64 // tasks in memory, by state; None and the finished states mean nothing
	enqueued     uint64
	completed    uint64
	cancelled    uint64
	deleted      uint64
	deadLettered uint64
	failures     uint64
	bytes        uint64 // of the payloads of the tasks that count for the quota

	stages  []*stage // of the pending tasks; the first is that of the tasks that anybody may have
	stageOf map[stageKey]*stage
	classes []uint32 // all, open or not
	plain   uint32   // the tenant of the tasks without a fair key
	active  int      // tenants with pending tasks
	turns   int64    // the last turn that was given
	limiter          // of its rate
	limited bool     // by its rate

	history     history
	recent      []Finished // since the last Freeze
	purgeMark   ID         // waiting tasks below it are being deleted; 0: none
	purgeCursor ID         // the last one looked at

	waiting waiters // callbacks that were refused by it
	roomy   bool    // it is in the list of those that may take the first of them

	announced bool // in this entry's effects already
	dirty     bool // in the dirty set already
}

// queueFor returns the queue of a name, which may alias anything; it is made if it doesn't exist.
func (m *Machine) queueFor(name string) (*queue, Code) {
	if q, ok := m.queueNames[name]; ok {
		return q, OK
	}
	if len(m.queues) > maxQueues {
		return nil, TooManyQueues
	}
	q := &queue{number: uint32(len(m.queues)), name: strings.Clone(name), history: newHistory()}
	m.openStages(q)
	m.queues = append(m.queues, q)
	m.queueNames[q.name] = q
	m.touchQueue(q)
	return q, OK
}

func (m *Machine) touchQueue(q *queue) {
	if !q.dirty {
		q.dirty = true
		m.dirty.record(KindQueue, uint64(q.number))
	}
}

func (m *Machine) setQueue(c *SetQueue) Result {
	q, code := m.queueFor(c.Queue)
	if code != OK {
		return Result{Code: code}
	}
	if dead := c.Settings.DeadLetterQueue; c.Fields&FieldDeadLetterQueue != 0 && dead != "" {
		if _, code := m.queueFor(dead); code != OK { // from now on it is there, whenever a task dies
			return Result{Code: code}
		}
	}
	for _, f := range settingsFields {
		if c.Fields&f.bit != 0 {
			f.copy(&q.settings, &c.Settings)
		}
	}
	m.touchQueue(q)
	q.history.armed = false // its alarm may be too late now
	m.retain(q)
	m.haveRoom(q)
	if c.Fields&fieldsLimits != 0 {
		m.relimit(q)
	}
	return Result{}
}

// settingsFields says how each field is copied.
var settingsFields = []struct {
	bit  SettingsField
	copy func(to, from *QueueSettings)
}{
	{FieldMaxAttempts, func(to, from *QueueSettings) { to.MaxAttempts = from.MaxAttempts }},
	{FieldMaxWorkerDeaths, func(to, from *QueueSettings) { to.MaxWorkerDeaths = from.MaxWorkerDeaths }},
	{FieldTimeout, func(to, from *QueueSettings) { to.Timeout = from.Timeout }},
	{FieldTTL, func(to, from *QueueSettings) { to.TTL = from.TTL }},
	{FieldBackoff, func(to, from *QueueSettings) {
		to.Backoff = from.Backoff
		to.Backoff.Delays = slices.Clone(from.Backoff.Delays)
	}},
	{FieldRetentionAge, func(to, from *QueueSettings) { to.RetentionAge = from.RetentionAge }},
	{FieldRetentionBytes, func(to, from *QueueSettings) { to.RetentionBytes = from.RetentionBytes }},
	{FieldRetentionTasks, func(to, from *QueueSettings) { to.RetentionTasks = from.RetentionTasks }},
	{FieldMaxRunning, func(to, from *QueueSettings) { to.MaxRunning = from.MaxRunning }},
	{FieldRate, func(to, from *QueueSettings) { to.Rate = from.Rate }},
	{FieldKeyMaxRunning, func(to, from *QueueSettings) { to.KeyMaxRunning = from.KeyMaxRunning }},
	{FieldKeyRate, func(to, from *QueueSettings) { to.KeyRate = from.KeyRate }},
	{FieldFairWeights, func(to, from *QueueSettings) { to.FairWeights = cloneWeights(from.FairWeights) }},
	{FieldPriorityAging, func(to, from *QueueSettings) { to.PriorityAging = from.PriorityAging }},
	{FieldStickyWait, func(to, from *QueueSettings) { to.StickyWait = from.StickyWait }},
	{FieldMaxTasks, func(to, from *QueueSettings) { to.MaxTasks = from.MaxTasks }},
	{FieldMaxBytes, func(to, from *QueueSettings) { to.MaxBytes = from.MaxBytes }},
	{FieldDeadLetterQueue, func(to, from *QueueSettings) { to.DeadLetterQueue = strings.Clone(from.DeadLetterQueue) }},
}

func (m *Machine) setQueueMode(c *SetQueueMode) Result {
	q, code := m.queueFor(c.Queue)
	if code != OK {
		return Result{Code: code}
	}
	q.mode = c.Mode
	m.touchQueue(q)
	if q.mode != QueuePaused && q.live[Pending] > 0 {
		m.announce(q)
	}
	m.haveRoom(q)
	return Result{}
}

// purgeQueue marks what waits now; Ticks delete it.
func (m *Machine) purgeQueue(c *PurgeQueue) Result {
	q, ok := m.queueNames[c.Queue]
	if !ok {
		return Result{Code: NoSuchQueue}
	}
	waiting := q.live[Scheduled] + q.live[Blocked] + q.live[Pending]
	if waiting > 0 {
		if q.purgeMark == 0 {
			m.purges = append(m.purges, q.number)
		}
		q.purgeMark, q.purgeCursor = m.nextID, 0
		m.touchQueue(q)
	}
	return Result{Items: []Item{{Other: waiting}}}
}

// maxPurgeScan is how many tasks one step of a purge looks at.
const maxPurgeScan = 65_536

// stepPurge goes on with the oldest purge and returns whether it is finished.
func (m *Machine) stepPurge() bool {
	q := m.queues[m.purges[0]]
	scan := maxPurgeScan
	var doomed []slot
	finished := true
	m.index.after(q.purgeCursor, func(s slot) bool {
		r := m.tasks.at(s)
		if r.id >= q.purgeMark {
			return false
		}
		if scan == 0 || m.budget == len(doomed) {
			finished = false
			return false
		}
		scan--
		q.purgeCursor = r.id
		if r.queue == q.number && (r.state == Scheduled || r.state == Blocked || r.state == Pending) {
			doomed = append(doomed, s)
		}
		return true
	})
	m.budget -= len(doomed)
	for _, s := range doomed {
		_ = m.delete(s, m.tasks.at(s), None) // it isn't running: nothing refuses
	}
	if finished {
		q.purgeMark, q.purgeCursor = 0, 0
		m.purges = m.purges[1:]
	}
	m.touchQueue(q)
	return finished
}
