package task

import "slices"

// Timeline is a stretch of a cluster's life: it begins with the cluster, and anew with every restore. What was recorded in the
// old one behind the point that was restored never happened in the new one.
type Timeline struct {
	ID     uint64 // 0: that of the beginning; a later one is greater
	Parent uint64 // that it forked from
	// Index and Time are those of the last entry of the parent that it has, and of the state after it.
	Index uint64
	Time  Time
}

// Counters are those that must never go back: IDs and tokens are never given out twice.
type Counters struct {
	NextID       ID
	LastToken    uint64
	LastSession  uint64
	LastProducer uint64
}

// Counters returns the machine's own.
func (m *Machine) Counters() Counters {
	return Counters{m.nextID, m.lastToken, m.lastSession, m.lastProducer}
}

// Timeline returns the current one.
func (m *Machine) Timeline() Timeline { return m.timeline }

// Restoration is what makes the state of a backup fit to live again.
type Restoration struct {
	Now Time // of the wall clock; the state time is at least this
	// Index is of the last entry of the log that the state has.
	Index uint64
	// Timeline is the new one; it is greater than any that there was.
	Timeline uint64
	// Level is the least feature level of the restored state. It is raised to LevelFeatures at least.
	Level uint32
	// Counters are the least of the restored state: of the state that it takes the place of, if there is one.
	Counters Counters
	Why      string // that the cluster is suspended; at most 1 KiB
}

// idsPerSecond is by how much the counters of a restored state are ahead, for each second since 1970: more IDs and tokens than
// a cluster gives out in a second, so that those of after the backup are never given out again.
const idsPerSecond = 1 << 20

// timelineImports is by how many bits the number of imports is apart in two timelines: an import that was prepared with another
// timeline's state is stale.
const timelineImports = 32

// PrepareRestore begins a new timeline with the state of a backup. It isn't a command: it changes a machine that no group has
// yet, whose changes are then written to the state file like any other's.
//
//   - Task IDs, session and producer IDs and tokens go on beyond all that can have been given out since the backup.
//   - Leases are over without an attempt burnt, worker sessions are closed, producers are forgotten: no worker's outcome and no
//     producer's repeated call of before is taken.
//   - The cluster is suspended.
//
// ErrNewerLevel: this version doesn't support the level.
func (m *Machine) PrepareRestore(r Restoration) error {
	level := max(m.level, r.Level, LevelFeatures)
	if err := m.admitLevel(level); err != nil {
		return err
	}
	m.timeline = Timeline{ID: max(r.Timeline, m.timeline.ID+1), Parent: m.timeline.ID, Index: r.Index, Time: m.now}
	m.now = max(m.now, r.Now)
	m.stepWakes()
	m.raiseFeatureLevel(&RaiseFeatureLevel{Level: level})
	m.raiseCounters(r.Counters, r.Now)
	m.imports.count = m.timeline.ID << timelineImports
	m.dirty.record(KindImport, 0)
	for id := range m.producers { // in any order: each goes
		delete(m.producers, id)
		m.dirty.record(KindProducer, id)
	}
	for _, id := range m.sessions.ids() {
		s, _ := m.sessions.get(id)
		m.endSession(s, nil)
	}
	m.forgetArchived()
	m.suspend(m.now, r.Why)
	for _, name := range m.effects.Ready {
		m.queueNames[name].announced = false
	}
	m.effects = Effects{}
	return nil
}

// InstallImage puts a prepared state file, which every member has by then, in the place of the state, behind the entry: whatever
// else travels in the entry happens before, and is gone. The owner of the machine finds it in Effects; the machine itself
// changes nothing. Code WrongState: the state has reached that timeline already. Code WrongTerm: another member has led since
// the files were given out, and may have taken in members that have none.
type InstallImage struct {
	SHA256   [32]byte // of the file
	Timeline uint64   // that it begins
	Term     uint64   // of the leader that gave out the files
}

func (m *Machine) installImage(c *InstallImage) Result {
	if c.Term != m.term {
		return Result{Code: WrongTerm}
	}
	if c.Timeline <= m.timeline.ID {
		return Result{Code: WrongState}
	}
	m.effects.Image = *c
	return Result{}
}

// Installs reports whether an entry of the log has an InstallImage.
func Installs(entry []byte) bool {
	_, cs, err := readEntry(entry, nil)
	return err == nil && slices.ContainsFunc(cs, func(c Command) bool {
		_, is := c.(*InstallImage)
		return is
	})
}

// The tags of the counters' fields that came later, of which one that is zero takes no byte. They are part of the formats.
const (
	tagTimeline = iota + 1
	tagSuspension
)

// appendMetaTags encodes the fields that only a restored state has.
func (m *Machine) appendMetaTags(b []byte) []byte {
	if t := m.timeline; t.ID != 0 {
		b = appendUint(appendUint(append(b, tagTimeline), t.ID), t.Parent)
		b = appendInt(appendUint(b, t.Index), t.Time)
	}
	if m.suspended() {
		b = appendBytes(appendInt(append(b, tagSuspension), m.suspension.Since), m.suspension.Why)
	}
	return b
}

func (m *Machine) readMetaTags(r *reader) {
	for len(r.b) > 0 {
		switch r.byte() {
		case tagTimeline:
			m.timeline = Timeline{ID: r.uint(), Parent: r.uint(), Index: r.uint(), Time: r.int()}
			if m.timeline.ID <= m.timeline.Parent {
				r.fail()
			}
		case tagSuspension:
			since, why := r.int(), r.string()
			if since <= 0 {
				r.fail()
				return
			}
			m.suspend(since, why)
		default:
			r.fail()
		}
	}
}
