package task

import (
	"cmp"
	"slices"
	"strings"
)

// schedule makes tasks of a template at nominal times. It fires by commands that name the tick: the machine knows no
// calendar.
//
// Invariant: a schedule that is paused has no next tick.
type schedule struct {
	id       ID
	name     string
	revision uint64 // counts the puts
	spec     ScheduleSpec
	policy   SchedulePolicy
	template []byte // an encoded NewTask; never changed in place
	created  Time
	updated  Time // of the last put

	paused bool
	next   Time       // the tick that fires next, by its nominal time; 0: none
	due    Time       // when it does
	queued occurrence // the tick that waits for the tasks before it; its nominal time is 0: none does
	live   []ID       // tasks that haven't ended, ascending; none of them dead letters
	ledger ledger

	hashPart
	fixed uint64 // the definition's part in the state hash; 0: it isn't known
	dueAt int    // place in the heap plus one; 0: none
	dirty bool   // in the dirty set already
}

// schedules are all schedules, found by name and in order of names, and those with a next tick in the order in which
// they are due.
type schedules struct {
	byName map[string]*schedule
	byID   map[ID]*schedule
	sorted []*schedule // by name
	due    []*schedule // a binary heap by (due, ID)
	wakes  []ID        // those whose queued tick may fire at the next Tick, ascending
	bytes  int         // of definitions
	hashes hashSum
}

func newSchedules() schedules {
	return schedules{byName: map[string]*schedule{}, byID: map[ID]*schedule{}}
}

func (x *schedules) place(name string) (int, bool) {
	return slices.BinarySearchFunc(x.sorted, name, func(s *schedule, name string) int { return strings.Compare(s.name, name) })
}

func (x *schedules) add(s *schedule) {
	i, _ := x.place(s.name)
	x.sorted = slices.Insert(x.sorted, i, s)
	x.byName[s.name], x.byID[s.id] = s, s
}

func (x *schedules) remove(s *schedule) {
	i, _ := x.place(s.name)
	x.sorted = slices.Delete(x.sorted, i, i+1)
	delete(x.byName, s.name)
	delete(x.byID, s.id)
	x.arm(s, 0, 0)
	x.hashes.drop(s)
}

// wake has the next Tick look at a queued tick.
func (x *schedules) wake(id ID) {
	if i, found := slices.BinarySearch(x.wakes, id); !found {
		x.wakes = slices.Insert(x.wakes, i, id)
	}
}

// startable reports whether the queued tick needs to wait no longer.
func (s *schedule) startable() bool {
	return s.queued.nominal != 0 && !s.paused && (len(s.live) == 0 || s.policy.Overlap == OverlapAllow)
}

// size is about what a schedule's definition takes in memory.
func (s *schedule) size() int { return len(s.template) + len(s.name) + len(s.spec.Expression) }

// touchSchedule notes a change of a schedule's state.
func (m *Machine) touchSchedule(s *schedule) {
	m.schedules.hashes.changed(s)
	if !s.dirty {
		s.dirty = true
		m.dirty.record(KindScheduleState, uint64(s.id))
		m.dirty.bytes += recordOverhead
	}
}

// touchDefinition notes a change of what its owner wrote.
func (m *Machine) touchDefinition(s *schedule) {
	m.dirty.record(KindSchedule, uint64(s.id))
	m.dirty.bytes += recordOverhead + s.size()
	s.fixed = 0
	m.touchSchedule(s)
}

// arm sets a schedule's next tick; 0: none.
func (x *schedules) arm(s *schedule, next, due Time) {
	s.next, s.due = next, max(due, next)
	switch {
	case next == 0 && s.dueAt == 0:
	case next == 0:
		i, last := s.dueAt-1, len(x.due)-1
		moved := x.due[last]
		x.due = x.due[:last]
		s.dueAt = 0
		if i < last {
			x.put(i, moved)
			x.fix(i)
		}
	case s.dueAt == 0:
		x.due = append(x.due, s)
		x.put(len(x.due)-1, s)
		x.fix(len(x.due) - 1)
	default:
		x.fix(s.dueAt - 1)
	}
}

func (s *schedule) before(o *schedule) bool {
	return cmp.Or(cmp.Compare(s.due, o.due), cmp.Compare(s.id, o.id)) < 0
}

func (x *schedules) put(i int, s *schedule) { x.due[i], s.dueAt = s, i+1 }

// fix moves what is at i to where it belongs in the heap.
func (x *schedules) fix(i int) {
	s := x.due[i]
	for i > 0 && s.before(x.due[(i-1)/2]) {
		x.put(i, x.due[(i-1)/2])
		i = (i - 1) / 2
	}
	for {
		c := 2*i + 1
		if c+1 < len(x.due) && x.due[c+1].before(x.due[c]) {
			c++
		}
		if c >= len(x.due) || !x.due[c].before(s) {
			break
		}
		x.put(i, x.due[c])
		i = c
	}
	x.put(i, s)
}
