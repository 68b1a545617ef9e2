package task_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// The built-in defaults that docs/STATES.md promises.
const (
	second = task.Duration(1_000_000)
	hour   = 3600 * second
	day    = 24 * hour

	defaultMaxAttempts     = 25
	defaultMaxWorkerDeaths = 3
	defaultInitial         = second
	defaultMaximum         = hour
	defaultMultiplier      = 2000

	maxErrors           = 10
	maxErrorText        = 4096
	maxProgressText     = 1024
	producerIdle        = hour
	producerWindow      = 1024
	requestKept         = day
	maxTransitions      = 4096
	historyBlock        = 1024
	defaultRetentionAge = day
)

// model is the machine as one would write it without caring for speed: maps, slices and linear scans, each rule once
// and in the words of docs/STATES.md. The property tests hold the real machine against it.
type model struct {
	now  task.Time
	term uint64 // of the entry being applied
	seed uint64 // of the entry being applied

	level        uint32
	lastID       task.ID
	lastToken    uint64
	lastSession  uint64
	lastProducer uint64
	back, front  int64 // ready orders: back counts up, front counts down

	live      map[task.ID]*modelTask
	finished  map[task.ID]task.Task
	queues    []*modelQueue // by number; numbers begin with 1
	keys      map[modelKey]modelHold
	sessions  []*modelSession // by ID
	producers map[uint64]*modelProducer
	tenants   map[modelKey]*modelTenant
	sticky    map[modelKey]uint64 // the session that ran the key's last task
	requests  []*modelRequest     // by order of arrival
	purges    []*modelQueue       // in the order of the calls
	cascades  []modelCascade      // what the next Tick has to tell to blocked tasks
	schedules []*modelSchedule    // by age
	batches   map[task.ID]*modelBatch
	imports   uint64 // commands that put a task back
	effects   task.Effects

	timeline   task.Timeline
	suspension task.Suspension
	jumps      [][2]task.ID // IDs that no restore left out, from and to; the last run is open

	operations []*task.Operation // by ID
	index      uint64            // of the entry being applied
	ordinal    uint32            // of the entry's next event
	events     []task.Event
	kept       map[task.ID]task.ParentOutcome // of ended tasks that live ones depend on
	workflows  []*modelWorkflow               // by ID
	archived   task.Archived
}

// modelTask is a live task: its view, and what the view doesn't show.
type modelTask struct {
	task.Task
	ready   int64 // order among the pending of its priority
	window  task.Duration
	keyless bool // its unique key went to another while it was a dead letter
	flow    modelFlow

	reserved      uint64    // the session that it waits for
	reservedUntil task.Time // 0: for none
}

type modelQueue struct {
	task.Queue         // Live, OldestAt and History.Bytes are not kept up
	purge      task.ID // waiting tasks below it are to be deleted; 0: none
	turns      int64
	busy       task.Time // as modelTenant's
}

// modelKey is a unique key: keys are per queue.
type modelKey struct {
	queue uint32
	key   string
}

// modelHold is who has a unique key. It counts while the holder hasn't ended, and until the window's end.
type modelHold struct {
	holder task.ID
	until  task.Time
}

func newModel() *model {
	return &model{
		level:     1,
		live:      map[task.ID]*modelTask{},
		finished:  map[task.ID]task.Task{},
		keys:      map[modelKey]modelHold{},
		producers: map[uint64]*modelProducer{},
		tenants:   map[modelKey]*modelTenant{},
		sticky:    map[modelKey]uint64{},
		kept:      map[task.ID]task.ParentOutcome{},
		batches:   map[task.ID]*modelBatch{},
	}
}

// apply executes one entry.
func (m *model) apply(term uint64, h task.Header, commands []task.Command) ([]task.Result, task.Effects) {
	m.term, m.seed, m.effects = term, h.Seed, task.Effects{}
	m.pass(h.Time)
	m.index, m.ordinal = h.Seq, 0
	var results []task.Result
	for _, c := range commands {
		results = append(results, m.execute(c))
		m.leaveSchedules()
		m.callBack()
	}
	return results, m.effects
}

func (m *model) execute(c task.Command) task.Result {
	switch c := c.(type) {
	case *task.Enqueue:
		return m.enqueue(c)
	case *task.OpenProducer:
		return m.openProducer()
	case *task.Request:
		return m.request(c)
	case *task.OpenSession:
		return m.openSession(c)
	case *task.CloseSession:
		return m.closeSession(c.Session)
	case *task.ExpireSessions:
		return m.expireSessions(c)
	case *task.MarkSilent:
		return m.markSilent(c)
	case *task.ResetQuiet:
		return m.resetQuiet(c)
	case *task.DrainSession:
		return m.drainSession(c)
	case *task.RaiseFeatureLevel:
		return m.raiseFeatureLevel(c)
	case *task.Checksum:
		m.effects.Checksums = append(m.effects.Checksums, *c)
		return task.Result{}
	case *task.Lease:
		return m.lease(c)
	case *task.Finish:
		return items(c.Outcomes, m.finishOne)
	case *task.Progress:
		return items(c.Items, m.progressOne)
	case *task.Cancel:
		return items(c.IDs, m.cancelOne)
	case *task.Retry:
		return items(c.IDs, m.retryOne)
	case *task.Delete:
		return items(c.IDs, func(id task.ID) task.Item { return m.deleteOne(id, c.Only) })
	case *task.DeleteFinished:
		return items(c.Refs, m.deleteFinishedOne)
	case *task.Reset:
		return items(c.IDs, m.resetOne)
	case *task.Reschedule:
		return task.Result{Items: []task.Item{m.reschedule(c)}}
	case *task.Move:
		return m.move(c)
	case *task.SetQueue:
		return m.setQueue(c)
	case *task.SetQueueMode:
		return m.setQueueMode(c)
	case *task.PurgeQueue:
		return m.purgeQueue(c)
	case *task.StartOperation:
		return m.startOperation(c)
	case *task.StepOperation:
		return m.stepOperation(c)
	case *task.AbortOperation:
		return m.abortOperation(c)
	case *task.EnqueueGraph:
		return m.enqueueGraph(c)
	case *task.CancelWorkflow:
		return m.cancelWorkflow(c)
	case *task.Tick:
		return m.tick()
	case *task.PutSchedule:
		return m.putSchedule(c)
	case *task.DeleteSchedule:
		return m.deleteSchedule(c)
	case *task.SetSchedulePaused:
		return m.setSchedulePaused(c)
	case *task.TriggerSchedule:
		return m.triggerSchedule(c)
	case *task.BackfillSchedule:
		return m.backfillSchedule(c)
	case *task.FireSchedules:
		return items(c.Ticks, m.fireOne)
	case *task.CreateBatch:
		return m.createBatch(c)
	case *task.CloseBatch:
		return m.closeBatch(c.ID)
	case *task.CancelBatch:
		return m.cancelBatch(c.ID)
	case *task.ImportTasks:
		return m.importTasks(c)
	case *task.NoteArchived:
		return m.noteArchived(c)
	case *task.ResumeCluster:
		return m.resumeCluster()
	case *task.AdvanceCounters:
		return m.advanceCounters(c)
	case *task.InstallImage:
		return m.installImage(c)
	}
	panic(fmt.Sprintf("the model lacks %T", c))
}

// items is the result of a command whose parts have outcomes of their own.
func items[P any](parts []P, one func(P) task.Item) task.Result {
	var r task.Result
	for _, p := range parts {
		r.Items = append(r.Items, one(p))
	}
	return r
}

// liveIDs are the live tasks' IDs, ascending.
func (m *model) liveIDs() []task.ID { return slices.Sorted(maps.Keys(m.live)) }

// liveWhere are the live tasks that ok selects, by ascending ID.
func (m *model) liveWhere(ok func(*modelTask) bool) []*modelTask {
	var found []*modelTask
	for _, id := range m.liveIDs() {
		if t := m.live[id]; ok(t) {
			found = append(found, t)
		}
	}
	return found
}

func (m *model) queue(name string) *modelQueue {
	for _, q := range m.queues {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// ensureQueue returns the queue, which it creates.
func (m *model) ensureQueue(name string) *modelQueue {
	if q := m.queue(name); q != nil {
		return q
	}
	q := &modelQueue{}
	q.Name, q.Number = name, uint32(len(m.queues)+1)
	q.History.First, q.History.Next = 1, 1
	m.queues = append(m.queues, q)
	return q
}

func (m *model) queueOf(t *modelTask) *modelQueue { return m.queues[t.QueueNumber-1] }

func (m *model) raiseFeatureLevel(c *task.RaiseFeatureLevel) task.Result {
	if c.Level < m.level {
		return task.Result{Code: task.Invalid}
	}
	below := m.level < dispatchLevel
	if m.level = c.Level; below && m.level >= dispatchLevel {
		m.beginFlows()
	}
	return task.Result{}
}
