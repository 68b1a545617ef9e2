package task

import "strings"

// Bounds of the machine. Members that disagree on one would give different results: a change needs a feature level.
const (
	// maxTransitions is how many tasks one Tick changes; the rest waits for the next.
	maxTransitions = 4096
	// maxQueues is how many queues there may be.
	maxQueues = 10_000
	// maxProducers is how many producers are remembered.
	maxProducers = 100_000
	// maxSessionLeases is how many leases a session may hold.
	maxSessionLeases = 4096
	// maxPayload is far above what an entry of the log may carry, and what the arena holds.
	maxPayload = 1 << 20
)

// second in the unit of Duration.
const second Duration = 1_000_000

// Machine is the replicated state. It isn't safe for concurrent use: whoever owns it guards it with one RWMutex, under
// which Apply, Freeze, Capture and Committed need the write lock and everything else the read lock.
type Machine struct {
	supported uint32 // the highest feature level that may be executed here
	level     uint32 // the group's feature level

	now   Time
	term  uint64
	seed  uint64
	front int64 // the next ready order at the front, descending from -1
	back  int64 // the next ready order at the back, ascending from 1

	nextID       ID
	lastToken    uint64
	lastSession  uint64
	lastProducer uint64

	tasks  slab
	index  index
	arena  arena
	timers timers
	kinds  interner

	flows        flows
	requirements interner // sets of required labels
	stages       stages
	tree         tree // of the pending tasks
	tenants      tenants
	singletons   singletons
	sticky       stickyTable
	wakes        heap[wake, *wake]
	loading      bool // a state file is being read

	queues     []*queue // by number; 0 is none
	queueNames map[string]*queue
	sessions   sessionTable
	producers  map[uint64]*producer
	requests   requestLog
	unique     map[uniqueKey]uniqueEntry
	families   map[ID]*family // blocked tasks, by the parent that they wait for
	cascades   []cascade      // parents that ended, whose children still have to be told
	purges     []uint32       // queues that are being purged, by number
	batches    batches
	imports    imports
	alarms     alarms
	schedules  schedules
	operations operations // bulk operations
	parents    parents
	workflows  workflows
	archived   Archived
	timeline   Timeline
	suspension Suspension

	scratch  []byte
	spare    spareTasks
	hashSum  uint64 // of the live tasks' hashes
	resident int    // bytes of payloads in memory, and of parents' results
	dirty    dirtySet
	recent   recentIndex
	events   eventLog

	effects Effects
	budget  int // transitions that the current command may still make
}

// NewMachine returns the empty state.
func NewMachine() *Machine {
	m := &Machine{
		supported:  SupportedLevel,
		level:      BaseLevel,
		front:      -1,
		back:       1,
		nextID:     1,
		queues:     make([]*queue, 1),
		queueNames: map[string]*queue{},
		sessions:   newSessionTable(),
		producers:  map[uint64]*producer{},
		unique:     map[uniqueKey]uniqueEntry{},
		families:   map[ID]*family{},
		kinds:      newInterner(),

		flows:        newFlows(),
		requirements: newInterner(),
		stages:       stages{all: make([]*stage, 1)},
		tree:         newTree(),
		sticky:       stickyTable{byKey: map[uniqueKey]stickyKey{}},
		tenants:      newTenants(),
		singletons:   newSingletons(),
		recent:       newRecentIndex(),
		parents:      newParents(),
		workflows:    newWorkflows(),
		requests:     newRequestLog(),
		schedules:    newSchedules(),
		batches:      newBatches(),
		dirty:        newDirtySet(),
		operations:   newOperations(),
	}
	m.timers.tasks = &m.tasks
	return m
}

// Apply executes an entry of the log, whose term it is given. With want, the results of its commands are returned in
// their order. An error means that the entry doesn't decode, or is a newer version's (ErrNewerLevel), or of another timeline
// (ErrRestored, ErrMissedRestore): nothing was changed.
func (m *Machine) Apply(term uint64, entry []byte, want bool) ([]Result, Effects, error) {
	m.spare.reset()
	h, cs, err := readEntry(entry, &m.spare)
	if err != nil {
		return nil, Effects{}, err
	}
	if err := m.judgeTimeline(h); err != nil {
		return nil, Effects{}, err
	}
	if err := m.admit(cs); err != nil {
		return nil, Effects{}, err
	}
	m.now = max(m.now, h.Time)
	m.seed, m.term = h.Seed, term
	m.effects = Effects{}
	m.stepWakes()
	var results []Result
	if want {
		results = make([]Result, 0, len(cs))
	}
	for _, c := range cs {
		r := m.execute(c, want)
		m.stepCallbacks(maxCallbacks)
		if want {
			results = append(results, r)
		}
	}
	for _, name := range m.effects.Ready {
		m.queueNames[name].announced = false
	}
	return results, m.effects, nil
}

func (m *Machine) execute(c Command, want bool) Result {
	m.budget = maxTransitions
	switch c := c.(type) {
	case *Enqueue:
		return m.enqueue(c)
	case *Lease:
		return m.lease(c, want)
	case *Finish:
		return m.finish(c)
	case *Tick:
		return m.tick()
	case *Progress:
		return m.progress(c)
	case *OpenProducer:
		return m.openProducer(c)
	case *OpenSession:
		return m.openSession(c)
	case *CloseSession:
		return m.closeSession(c)
	case *ExpireSessions:
		return m.expireSessions(c)
	case *MarkSilent:
		return m.markSilent(c)
	case *RaiseFeatureLevel:
		return m.raiseFeatureLevel(c)
	case *Checksum:
		m.effects.Checksums = append(m.effects.Checksums, *c)
		return Result{}
	case *Cancel:
		return m.each(c.IDs, Cancelled, m.cancel)
	case *Retry:
		return m.each(c.IDs, None, m.retry)
	case *Delete:
		return m.each(c.IDs, None, func(s slot, r *record) Code { return m.delete(s, r, c.Only) })
	case *Reset:
		return m.each(c.IDs, None, m.reset)
	case *DeleteFinished:
		return m.deleteFinished(c)
	case *Reschedule:
		return m.reschedule(c)
	case *Move:
		return m.move(c)
	case *SetQueue:
		return m.setQueue(c)
	case *SetQueueMode:
		return m.setQueueMode(c)
	case *PurgeQueue:
		return m.purgeQueue(c)
	case *Request:
		return m.request(c, want)
	}
	return m.executeFeature(c)
}

// executeFeature executes a command that came with LevelFeatures.
func (m *Machine) executeFeature(c Command) Result {
	switch c := c.(type) {
	case *PutSchedule:
		return m.putSchedule(c)
	case *DeleteSchedule:
		return m.deleteSchedule(c)
	case *SetSchedulePaused:
		return m.setSchedulePaused(c)
	case *TriggerSchedule:
		return m.triggerSchedule(c)
	case *BackfillSchedule:
		return m.backfillSchedule(c)
	case *FireSchedules:
		return m.fireSchedules(c)
	case *StartOperation:
		return m.startOperation(c)
	case *StepOperation:
		return m.stepOperation(c)
	case *AbortOperation:
		return m.abortOperation(c)
	case *EnqueueGraph:
		return m.enqueueGraph(c)
	case *CancelWorkflow:
		return m.cancelWorkflow(c)
	case *CreateBatch:
		return m.createBatch(c)
	case *CloseBatch:
		return m.closeBatch(c)
	case *CancelBatch:
		return m.cancelBatch(c)
	case *ImportTasks:
		return m.importTasks(c)
	case *NoteArchived:
		return m.noteArchived(c)
	case *ResumeCluster:
		return m.resumeCluster()
	case *ResetQuiet:
		return m.resetQuiet(c)
	case *DrainSession:
		return m.drainSession(c)
	case *AdvanceCounters:
		return m.advanceCounters(c)
	case *InstallImage:
		return m.installImage(c)
	}
	panic("task: a command without an executor")
}

// each applies fn to every live task of a list; gone is the state of a task that fn takes out of memory.
func (m *Machine) each(ids []ID, gone State, fn func(slot, *record) Code) Result {
	items := make([]Item, len(ids))
	for i, id := range ids {
		items[i].ID = id
		s := m.index.get(id)
		if s == 0 {
			items[i].Code = NotLive
			continue
		}
		items[i].Code = fn(s, m.tasks.at(s))
		items[i].State = gone
		if s := m.index.get(id); s != 0 {
			items[i].State = m.tasks.at(s).state
		}
	}
	return Result{Items: items}
}

// Now returns the state time.
func (m *Machine) Now() Time { return m.now }

// LiveTasks is the number of tasks in memory.
func (m *Machine) LiveTasks() uint64 { return m.tasks.live }

// after adds without overflowing.
func after(t Time, d Duration) Time {
	if d <= 0 {
		return t
	}
	if sum := t + d; sum > t {
		return sum
	}
	return 1<<63 - 1
}

// interner numbers the kinds of live tasks. Numbers are reused and differ between members.
type interner struct {
	names  []string
	refs   []uint32
	free   []uint32
	byName map[string]uint32
}

func newInterner() interner {
	return interner{names: []string{""}, refs: []uint32{1}, byName: map[string]uint32{"": 0}}
}

// hold returns the number of a name, for one more holder. The name may alias anything: it is cloned.
func (n *interner) hold(name string) uint32 {
	if i, ok := n.byName[name]; ok {
		n.refs[i]++
		return i
	}
	name = strings.Clone(name)
	var i uint32
	if last := len(n.free) - 1; last >= 0 {
		i, n.free = n.free[last], n.free[:last]
		n.names[i], n.refs[i] = name, 1
	} else {
		i = uint32(len(n.names))
		n.names, n.refs = append(n.names, name), append(n.refs, 1)
	}
	n.byName[name] = i
	return i
}

func (n *interner) release(i uint32) {
	if n.refs[i]--; n.refs[i] == 0 {
		delete(n.byName, n.names[i])
		n.names[i] = ""
		n.free = append(n.free, i)
	}
}
