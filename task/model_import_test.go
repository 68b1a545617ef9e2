package task_test

import (
	"slices"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// importAhead is how far above what a restore would begin with an imported ID may be.
const importAhead = task.ID(1) << 32

func (m *model) importTasks(c *task.ImportTasks) task.Result {
	if len(c.Tasks) > task.MaxImportTasks {
		return task.Result{Code: task.Invalid}
	}
	certain := func(id task.ID) bool { // what wasn't there still isn't
		_, live := m.live[id]
		return live || c.Imports == m.imports && (id < c.Next || id > m.lastID)
	}
	for i, t := range c.Tasks {
		_, live := m.live[t.ID]
		if !live && !t.Found.Finished() && (t.Found != task.None || !certain(t.ID)) {
			return task.Result{Code: task.ResolveAgain}
		}
		for _, e := range t.Edges {
			together := slices.ContainsFunc(c.Tasks[:i], func(o task.ImportedTask) bool { return o.ID == e.Parent })
			_, live := m.live[e.Parent]
			done, gone := foundEnded(t.NewTask, e.Parent)
			nowhere := slices.ContainsFunc(t.Ended, func(o task.ParentOutcome) bool { return o.ID == e.Parent && o.State == task.None })
			if t.State == task.Blocked && !together && !live && !done && !gone && (!nowhere || !certain(e.Parent)) {
				return task.Result{Code: task.ResolveAgain}
			}
		}
	}
	before := m.imports
	r := items(c.Tasks, func(t task.ImportedTask) task.Item { return m.importOne(t, c.Replace) })
	for _, item := range r.Items {
		if item.Code == task.OK {
			m.imports = before + 1
		}
	}
	return r
}

func (m *model) importOne(t task.ImportedTask, replace bool) task.Item {
	old, live := m.live[t.ID]
	switch {
	case live && (!replace || old.State == task.Running):
		return task.Item{ID: t.ID, Code: task.TaskExists, State: old.State}
	case live && (m.hasChild(t.ID) || len(m.liveWhere(func(c *modelTask) bool { return c.waitsFor(t.ID) })) > 0):
		return task.Item{ID: t.ID, Code: task.HasDependants, State: old.State}
	case !live && t.Found.Finished():
		return task.Item{ID: t.ID, Code: task.TaskExists, State: t.Found}
	case t.ID == 0 || t.ID > m.lastID && t.ID > task.ID(m.now/second)<<20+importAhead:
		return task.Item{ID: t.ID, Code: task.IDOutOfRange}
	}
	item := task.Item{ID: t.ID}
	if live {
		item.State = old.State
	}
	if item.Code = m.refusesImport(t, old); item.Code != task.OK {
		return item
	}
	q := m.queue(t.Queue)
	if q != nil && t.UniqueKey != "" && t.State != task.DeadLetter {
		if h, taken := m.hold(modelKey{q.Number, t.UniqueKey}); taken && h.holder != t.ID {
			item.Other, item.Code = uint64(h.holder), task.UniqueTaken
			return item
		}
	}
	waits, code := m.importedParents(&t)
	if item.Code = code; code != task.OK {
		return item
	}
	if live {
		m.remove(old)
		m.leaveSchedules()
	}
	return task.Item{ID: t.ID, State: m.putBack(t, waits)}
}

// refusesImport is about the state and the queue.
func (m *model) refusesImport(t task.ImportedTask, old *modelTask) task.Code {
	waits := waiting(t.State)
	q := m.queue(t.Queue)
	switch {
	case !waits && (t.State != task.DeadLetter || t.Reason == task.NoReason):
		return task.Invalid
	case q == nil:
		return task.OK
	case q.Mode == task.QueueDraining:
		return task.Draining
	case !waits:
		return task.OK
	case t.ID < q.purge:
		return task.BeingPurged
	}
	if old != nil && (old.Queue != q.Name || old.State == task.DeadLetter) {
		old = nil
	}
	if !m.fits(q, len(t.Payload), old) {
		return task.QueueFull
	}
	return task.OK
}

// importedParents leaves a task the parents that it keeps, and says for which it waits.
func (m *model) importedParents(t *task.ImportedTask) ([]task.ID, task.Code) {
	if t.State == task.Blocked {
		for _, e := range t.Edges {
			_, live := m.live[e.Parent]
			done, gone := foundEnded(t.NewTask, e.Parent)
			switch told := func(c modelCascade) bool { return c.parent == e.Parent && t.ID < c.below }; {
			case e.Parent == t.ID:
				return nil, task.Invalid
			case !live && !done && !gone:
				return nil, task.ParentMissing
			case slices.ContainsFunc(m.cascades, told):
				return nil, task.DependencyFailed
			}
		}
		return m.unfinishedParents(t.NewTask)
	}
	t.Edges = slices.DeleteFunc(slices.Clone(t.Edges), func(e task.Edge) bool {
		_, live := m.live[e.Parent]
		done, gone := foundEnded(t.NewTask, e.Parent)
		return e.Parent == t.ID || !live && !done && !gone
	})
	return nil, task.OK
}

// putBack makes the task, of which everything was checked.
func (m *model) putBack(t task.ImportedTask, waits []task.ID) task.State {
	q := m.ensureQueue(t.Queue)
	last := max(m.lastID, t.ID)
	n := t.NewTask
	n.TTL, n.Batch = 0, 0
	l := m.newTask(&modelQueue{Queue: task.Queue{Name: q.Name, Number: q.Number}}, n)
	m.lastID, l.ID = last, t.ID
	l.ExpiresAt = t.ExpiresAt
	if past := t.EnqueuedAt; past > 0 && past < m.now {
		l.EnqueuedAt = past
	}
	l.Attempt, l.Failures, l.WorkerDeaths, l.Errors = t.Attempt, t.Failures, t.Deaths, t.Errors
	if n := len(t.Errors); n > 0 {
		l.Worker = t.Errors[n-1].Worker
	}
	never := m.enterKin(l, n, 0)
	if t.State != task.Blocked {
		never = 0
	}
	if t.State == task.DeadLetter && t.Origin != "" && t.Origin != t.Queue {
		l.OriginQueue = m.ensureQueue(t.Origin).Name
	}
	if t.UniqueKey != "" && t.State != task.DeadLetter {
		m.keys[modelKey{q.Number, t.UniqueKey}] = modelHold{l.ID, l.EnqueuedAt + t.UniqueWindow}
	}
	m.live[l.ID] = l
	delete(m.kept, l.ID)
	q.Enqueued++
	if never != 0 {
		waits = append(waits, never)
		m.cascades = append(m.cascades, modelCascade{never, true, m.lastID + 1})
	}
	runAt := t.RunAt
	if t.State == task.Pending {
		runAt = 0
	}
	switch {
	case t.State == task.DeadLetter:
		l.State, l.Reason, l.FinishedAt = task.DeadLetter, t.Reason, m.now
		if t.DiedAt > 0 && t.DiedAt < m.now {
			l.FinishedAt = t.DiedAt
		}
		m.changed(l, task.None)
	case len(waits) > 0:
		l.State, l.RunAt, l.DependsOn = task.Blocked, runAt, waits
		m.changed(l, task.None)
	default:
		m.toWaiting(l, runAt)
	}
	return l.State
}

// importTasks draws what a proposer would bring that has just looked, and now and then one that hasn't.
func (r random) importTasks() task.Command {
	c := &task.ImportTasks{
		Replace: rapid.Bool().Draw(r.t, "replace"), Next: r.m.lastID + 1, Imports: r.m.imports,
	}
	if r.number("has looked long ago", 0, 9) == 0 {
		c.Next, c.Imports = task.ID(r.number("next", 1, int(r.m.lastID)+1)), r.m.imports-uint64(r.number("imports since", 0, 1))
	}
	for range r.number("imported", 1, 3) {
		c.Tasks = append(c.Tasks, r.imported())
	}
	return c
}

func (r random) imported() task.ImportedTask {
	t := task.ImportedTask{
		ID:         r.id("imported", task.Pending, task.DeadLetter, task.Scheduled),
		NewTask:    r.newTask(),
		State:      some(r, "state", task.Pending, task.Pending, task.Scheduled, task.Blocked, task.DeadLetter, task.DeadLetter, task.Running),
		Reason:     some(r, "reason", task.ReasonExhausted, task.ReasonFailed, task.NoReason),
		EnqueuedAt: rarely(r, 2, "enqueued at", func() task.Time { return r.m.now + second - r.duration("enqueued") }),
		ExpiresAt:  rarely(r, 4, "expires at", func() task.Time { return r.m.now - second + r.duration("expires") }),
		DiedAt:     rarely(r, 2, "died at", func() task.Time { return r.m.now + second - r.duration("died") }),
		Attempt:    uint16(r.number("attempt", 0, 3)),
		Failures:   uint16(r.number("failures", 0, 3)),
		Deaths:     uint8(r.number("deaths", 0, 1)),
		Errors: rarely(r, 3, "errors", func() []task.AttemptError {
			return []task.AttemptError{{At: start, Attempt: 1, Message: "boom", Worker: "w9"}}
		}),
		Origin: some(r, "origin", "", "", "q", "never seen"),
	}
	if r.number("a deleted one", 0, 2) == 0 {
		t.ID = task.ID(r.number("deleted", 1, int(r.m.lastID)+2))
	}
	t.Batch, t.DependsOn, t.ParentsDone, t.Edges, t.Ended, t.Ref = 0, nil, nil, nil, nil, ""
	for range rarely(r, 2, "edges", func() int { return r.number("edges", 1, 2) }) {
		id := r.id("edge", task.Pending, task.Running, task.Blocked, task.DeadLetter)
		t.Edges = append(t.Edges, task.Edge{Parent: id, When: r.when()})
		f, finished := r.m.finished[id]
		if _, live := r.m.live[id]; finished {
			t.Ended = append(t.Ended, task.ParentOutcome{ID: id, Ref: f.Ref, State: f.State, Result: f.Result})
		} else if !live {
			t.Ended = append(t.Ended, task.ParentOutcome{ID: id})
		}
	}
	if live, ok := r.m.live[t.ID]; ok {
		t.Found = live.State
	} else if f, ok := r.m.finished[t.ID]; ok {
		t.Found = f.State
	}
	return t
}
