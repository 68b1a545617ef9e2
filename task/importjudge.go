package task

// judgeImport says what becomes of a task that is to be put back, and of what it comes to depend on. It changes nothing.
func (m *Machine) judgeImport(c *ImportTasks, t *ImportedTask) (Item, lineage) {
	item := Item{ID: t.ID}
	s := m.index.get(t.ID)
	switch {
	case s != 0:
		item.State = m.tasks.at(s).state
		item.Code = m.mayReplace(c, m.tasks.at(s))
	case t.Found.Finished():
		item.State, item.Code = t.Found, TaskExists
	default:
		item.Code = m.admitID(t.ID)
	}
	if item.Code == OK {
		item.Code = m.admitImport(t)
	}
	if item.Code == OK {
		item.Other, item.Code = m.admitKey(t)
	}
	var line lineage
	if item.Code == OK {
		line, item.Code = m.parentsOf(t)
	}
	if item.Code == OK {
		item.State = None
	}
	return item, line
}

// mayReplace decides on a task whose ID a live one has.
func (m *Machine) mayReplace(c *ImportTasks, r *record) Code {
	switch {
	case !c.Replace || r.state == Running:
		return TaskExists
	case m.families[r.id] != nil || m.parents.byID[r.id] != nil: // its end would be theirs
		return HasDependants
	}
	return OK
}

// admitID keeps one wild ID from using up all that are below it.
func (m *Machine) admitID(id ID) Code {
	if id == 0 || id >= m.nextID && id > ID(m.now/second)<<20+importSlack {
		return IDOutOfRange
	}
	return OK
}

// admitImport is about the queues and the task's own fields.
func (m *Machine) admitImport(t *ImportedTask) Code {
	if len(t.Payload) > maxPayload || !importable(t.State) || t.State == DeadLetter && t.Reason == NoReason {
		return Invalid
	}
	q := m.queueNames[t.Queue]
	missing := b2i(q == nil)
	if t.State == DeadLetter && t.Origin != "" && t.Origin != t.Queue && m.queueNames[t.Origin] == nil {
		missing++
	}
	if len(m.queues)+missing > maxQueues+1 {
		return TooManyQueues
	}
	switch {
	case q == nil:
		return OK
	case q.mode == QueueDraining:
		return Draining
	case !counts(t.State):
		return OK
	case t.ID < q.purgeMark && t.ID > q.purgeCursor: // it would go at once
		return BeingPurged
	}
	var replaced *record
	if s := m.index.get(t.ID); s != 0 {
		if r := m.tasks.at(s); r.queue == q.number && counts(r.state) {
			replaced = r
		}
	}
	if !q.admits(len(t.Payload), replaced) {
		return QueueFull
	}
	return OK
}

// importable reports whether a task may be put back in a state.
func importable(s State) bool {
	return s == Scheduled || s == Blocked || s == Pending || s == DeadLetter
}

// admitKey asks for the unique key of a task, as another would keep it: it returns who has it. A dead letter has none.
func (m *Machine) admitKey(t *ImportedTask) (holder uint64, code Code) {
	q := m.queueNames[t.Queue]
	if t.UniqueKey == "" || t.State == DeadLetter || q == nil {
		return 0, OK
	}
	key := makeUniqueKey(q.number, t.UniqueKey)
	e, taken := m.unique[key]
	if taken && e.holder != t.ID && (e.until > m.now || m.holds(e.holder, key)) {
		return uint64(e.holder), UniqueTaken
	}
	return 0, OK
}

// parentsOf returns the parents that a task has when it is put back, and must wait for.
func (m *Machine) parentsOf(t *ImportedTask) (lineage, Code) {
	n := NewTask{Edges: t.Edges, Ended: t.Ended}
	if t.State == Blocked {
		for _, e := range t.Edges {
			if e.Parent == t.ID {
				return lineage{}, Invalid
			}
			if m.index.get(e.Parent) != 0 || t.parentCompleted(e.Parent) || t.parentCancelled(e.Parent) {
				if m.isBeingTold(t, e.Parent) {
					return lineage{}, DependencyFailed
				}
				continue
			}
			return lineage{}, ParentMissing
		}
		return m.resolveParents(&n)
	}
	var line lineage
	for _, e := range t.Edges {
		kept := m.index.get(e.Parent) != 0 || t.parentCompleted(e.Parent) || t.parentCancelled(e.Parent)
		if kept && e.Member == 0 && e.Parent != t.ID && line.whenOf(e.Parent) == edgeWhenCount {
			line.parents = append(line.parents, Edge{Parent: e.Parent, When: e.When})
		}
	}
	return line, OK
}

// whenOf is the kind of the edge to a parent; edgeWhenCount: there is none.
func (l *lineage) whenOf(parent ID) EdgeWhen {
	for _, e := range l.parents {
		if e.Parent == parent {
			return e.When
		}
	}
	return edgeWhenCount
}

// isBeingTold reports whether a parent has ended before, and its children with IDs up to some are still to be told: an old ID that
// comes to wait for the parent's new life would be told with them.
func (m *Machine) isBeingTold(t *ImportedTask, parent ID) bool {
	for _, c := range m.cascades {
		if c.parent == parent && t.ID < c.below {
			return true
		}
	}
	return false
}
