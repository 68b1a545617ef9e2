package task

import "slices"

// MaxImportTasks is how many tasks one ImportTasks command may have.
const MaxImportTasks = 1000

// importSlack is how far an imported ID may be above those that a restore at this moment would begin with: about an hour of
// clocks that differ.
const importSlack ID = 1 << 32

// ImportedTask is a task to put back under its own ID, with what had become of it.
type ImportedTask struct {
	ID ID
	// NewTask has what it was enqueued with: its limits as they were resolved, RunAt, UniqueWindow from EnqueuedAt on, and in Edges
	// and Ended its parents. Those of a blocked task are resolved as an enqueue's, except that Ended with the state None says that the
	// proposer found the parent nowhere. Of any other task those parents are kept that are live or in Ended: nothing waits for them.
	// Batch, Delay, TTL, Ref, DependsOn and UniqueMode mean nothing here.
	NewTask
	State      State  // Scheduled, Blocked, Pending or DeadLetter
	Reason     Reason // of a dead letter
	EnqueuedAt Time   // 0: now
	ExpiresAt  Time   // 0: never
	DiedAt     Time   // of a dead letter; 0: now
	Attempt    uint16
	Failures   uint16
	Deaths     uint8
	Errors     []AttemptError // oldest first
	Origin     string         // the queue in which a dead letter died; empty: its own
	// Found is what the proposer found under the ID: None for nothing, a finished state for a task of the history, and any other
	// for a live task.
	Found State
}

// ImportTasks puts tasks back: Items[i] = {ID, Code, State}. Code TaskExists: there is a task with the ID, in State, which isn't
// replaced; UniqueTaken: Other is the task that has the key. ResolveAgain refuses the whole command, before anything is done: what
// the proposer found may be out of date.
type ImportTasks struct {
	Tasks []ImportedTask
	// Replace lets a task take the place of a live one with its ID that isn't running and on which no other depends.
	Replace bool
	// Next and Imports are the machine's ImportMark at the moment of the proposer's look into the history.
	Next    ID
	Imports uint64
}

func (*ImportTasks) opcode() opcode { return opImportTasks }

// imports counts the commands that put a task back. What a proposer found nowhere can have come into being since in two ways
// only: by an import, or as a new task with an ID from nextID on.
type imports struct{ count uint64 }

// ImportMark is what an ImportTasks command has to carry from where its proposer looked.
func (m *Machine) ImportMark() (next ID, imports uint64) { return m.nextID, m.imports.count }

// importTasks puts back what it can.
func (m *Machine) importTasks(c *ImportTasks) Result {
	if len(c.Tasks) > MaxImportTasks {
		return Result{Code: Invalid}
	}
	if m.isStale(c) {
		return Result{Code: ResolveAgain}
	}
	m.makeRoom(c)
	items := make([]Item, len(c.Tasks))
	some := false
	for i := range c.Tasks {
		items[i] = m.importOne(c, &c.Tasks[i])
		some = some || items[i].Code == OK
	}
	if some {
		m.imports.count++
		m.dirty.record(KindImport, 0)
	}
	return Result{Items: items}
}

// CheckImport says what ImportTasks would answer to each task if it were alone. It changes nothing.
func (m *Machine) CheckImport(c *ImportTasks) []Item {
	items := make([]Item, len(c.Tasks))
	for i := range c.Tasks {
		items[i], _ = m.judgeImport(c, &c.Tasks[i])
	}
	return items
}

// isStale reports whether a task that the proposer didn't find in the history may be there by now.
func (m *Machine) isStale(c *ImportTasks) bool {
	before := make(map[ID]struct{}, len(c.Tasks))
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if !t.Found.Finished() && m.index.get(t.ID) == 0 && (t.Found != None || !m.stillNowhere(c, t.ID)) {
			return true
		}
		if t.State == Blocked && m.parentsAreStale(c, t, before) {
			return true
		}
		before[t.ID] = struct{}{}
	}
	return false
}

// stillNowhere reports whether a task that the proposer found nowhere, and that isn't live, can't have come and gone since.
func (m *Machine) stillNowhere(c *ImportTasks, id ID) bool {
	return c.Imports == m.imports.count && (id < c.Next || id >= m.nextID)
}

func (m *Machine) parentsAreStale(c *ImportTasks, t *ImportedTask, before map[ID]struct{}) bool {
	for _, e := range t.Edges {
		if _, together := before[e.Parent]; together || m.index.get(e.Parent) != 0 || t.parentCompleted(e.Parent) || t.parentCancelled(e.Parent) {
			continue
		}
		if !t.parentMissing(e.Parent) || !m.stillNowhere(c, e.Parent) {
			return true
		}
	}
	return false
}

// parentMissing reports whether the proposer found a parent nowhere.
func (t *ImportedTask) parentMissing(id ID) bool {
	return slices.ContainsFunc(t.Ended, func(o ParentOutcome) bool { return o.ID == id && o.State == None })
}

// makeRoom gives the index all the pages that it needs at once: the IDs are old ones, and each page in between moves all behind it.
func (m *Machine) makeRoom(c *ImportTasks) {
	ids := make([]ID, 0, len(c.Tasks))
	for i := range c.Tasks {
		if id := c.Tasks[i].ID; id < m.nextID {
			ids = append(ids, id)
		}
	}
	m.index.reserve(ids)
}

func (m *Machine) importOne(c *ImportTasks, t *ImportedTask) Item {
	item, line := m.judgeImport(c, t)
	if item.Code != OK {
		return item
	}
	if s := m.index.get(t.ID); s != 0 {
		_ = m.delete(s, m.tasks.at(s), None) // it isn't running: nothing refuses
	}
	item.State = m.putBack(t, &line)
	return item
}

// putBack makes a task that was accepted, and returns its state.
func (m *Machine) putBack(t *ImportedTask, line *lineage) State {
	q, _ := m.queueFor(t.Queue) // there is room
	s, r := m.tasks.alloc()
	r.id = t.ID
	m.nextID = max(m.nextID, t.ID+1)
	r.queue, r.kind, r.priority = q.number, m.kinds.hold(t.Kind), t.Priority
	m.applyLimits(r, &t.NewTask, &QueueSettings{}) // its own are resolved already
	r.enqueued, r.expires = notLater(t.EnqueuedAt, m.now), t.ExpiresAt
	r.attempt, r.failures, r.deaths = t.Attempt, t.Failures, t.Deaths
	m.takePayload(r, t.Payload)
	if line.never != 0 {
		line.waits = append(line.waits, line.never)
	}
	m.setCold(r, t.cold(m, line))
	cold := m.coldOf(r)
	r.flow = m.flows.hold(m.flowOf(&cold), &m.requirements)
	m.index.put(r.id, s)
	m.livesAgain(r.id)
	q.enqueued++
	q.live[None]++
	if t.UniqueKey != "" && t.State != DeadLetter {
		r.flags |= flagUnique
		m.hold(makeUniqueKey(q.number, t.UniqueKey), r.id, cold.windowEnd(r.enqueued)-m.now)
	}
	m.adoptNew(r, &t.NewTask, line.parents)
	m.await(r.id, line.waits)
	if line.never != 0 {
		m.neverNeeded(line.never)
	}
	m.beginAgain(s, r, t, len(line.waits) > 0)
	return r.state
}

// livesAgain forgets how a task ended that is put back while others depend on it: it is a live parent again.
func (m *Machine) livesAgain(id ID) {
	p := m.parents.byID[id]
	if p == nil || !p.ended {
		return
	}
	m.parents.sum -= p.hash
	if p.result != 0 {
		m.resident -= int(p.length)
		m.arena.release(p.result)
	}
	*p = parent{children: p.children}
	m.dirty.record(KindParent, uint64(id))
}

// beginAgain gives a task that is put back its first state.
func (m *Machine) beginAgain(s slot, r *record, t *ImportedTask, blocked bool) {
	if t.State == DeadLetter {
		r.at, r.reason = notLater(t.DiedAt, m.now), t.Reason
		m.transit(s, r, DeadLetter)
		return
	}
	at := t.RunAt
	if t.State == Pending {
		at = 0
	}
	if blocked {
		r.at = at
		m.transit(s, r, Blocked)
		return
	}
	m.toScheduled(s, r, at)
}

// cold are the rarer fields of a task that is put back. It is in no workflow, batch or schedule any more: these have counted its end.
func (t *ImportedTask) cold(m *Machine, line *lineage) cold {
	n := t.NewTask
	n.Batch, n.callbackOf, n.callback = 0, 0, 0
	c := newCold(&n, line)
	for _, e := range t.Errors {
		c.note(e)
	}
	if t.State == DeadLetter && t.Origin != t.Queue && t.Origin != "" {
		q, _ := m.queueFor(t.Origin) // there is room
		c.origin = q.name
	}
	return c
}

// notLater is a time of the past; now where none is given.
func notLater(t, now Time) Time {
	if t <= 0 || t > now {
		return now
	}
	return t
}
