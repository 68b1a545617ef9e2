package task

import (
	"slices"
	"strings"
)

// Schedule is a copy of a schedule, for readers.
type Schedule struct {
	ID        ID
	Name      string
	Revision  uint64 // counts its puts
	Spec      ScheduleSpec
	Policy    SchedulePolicy
	Template  NewTask
	Paused    bool
	Next      Time // the nominal time that comes next; 0: none
	Due       Time // when that fires
	Queued    Time // the nominal time of the tick that waits for the tasks before it; 0: none
	Live      []ID // its tasks that haven't ended, oldest first, without backfilled ones
	CreatedAt Time
	UpdatedAt Time // of the last put
	// LedgerFirst and LedgerNext are the oldest ledger entry that is kept, and the one that comes next.
	LedgerFirst, LedgerNext uint64
}

// DueSchedule is what a proposer needs to know of a tick that is due.
type DueSchedule struct {
	Name         string
	Revision     uint64
	Spec         ScheduleSpec
	Policy       SchedulePolicy
	Nominal, Due Time
}

func (m *Machine) scheduleView(s *schedule) Schedule {
	v := Schedule{
		ID: s.id, Name: s.name, Revision: s.revision, Spec: s.spec, Policy: s.policy, Paused: s.paused, Next: s.next,
		Due: s.due, Queued: s.queued.nominal, Live: slices.Clone(s.live), CreatedAt: s.created, UpdatedAt: s.updated,
		LedgerFirst: s.ledger.next, LedgerNext: s.ledger.next,
	}
	if len(s.ledger.blocks) > 0 {
		v.LedgerFirst = s.ledger.blocks[0].first
	}
	r := reader{b: s.template} // which a put replaces and nobody changes: what aliases it stays valid
	v.Template.read(&r)
	return v
}

// Schedule returns a schedule by its name.
func (m *Machine) Schedule(name string) (Schedule, bool) {
	s, ok := m.schedules.byName[name]
	if !ok {
		return Schedule{}, false
	}
	return m.scheduleView(s), true
}

// Schedules returns up to limit schedules whose names begin with a prefix and come after the given one, by name.
func (m *Machine) Schedules(prefix, after string, limit int) []Schedule {
	i, found := m.schedules.place(max(prefix, after))
	if found && m.schedules.sorted[i].name == after {
		i++
	}
	var out []Schedule
	for ; i < len(m.schedules.sorted) && len(out) < limit && strings.HasPrefix(m.schedules.sorted[i].name, prefix); i++ {
		out = append(out, m.scheduleView(m.schedules.sorted[i]))
	}
	return out
}

// ScheduleCount is how many schedules there are.
func (m *Machine) ScheduleCount() int { return len(m.schedules.sorted) }

// NextSchedule returns when the next tick of a schedule is due; false: none is, as while the cluster is suspended.
func (m *Machine) NextSchedule() (Time, bool) {
	if len(m.schedules.due) == 0 || m.suspended() {
		return 0, false
	}
	return m.schedules.due[0].due, true
}

// DueSchedules returns up to limit schedules whose next tick is due at a time, the earliest first.
func (m *Machine) DueSchedules(now Time, limit int) []DueSchedule {
	if m.suspended() {
		return nil
	}
	heap := m.schedules.due
	var out []DueSchedule
	var open []int // places in the heap whose parents are in out, by order
	enter := func(i int) {
		if i >= len(heap) || heap[i].due > now {
			return
		}
		at, _ := slices.BinarySearchFunc(open, heap[i], func(j int, s *schedule) int {
			if s.before(heap[j]) { // the earliest last
				return -1
			}
			return 1
		})
		open = slices.Insert(open, at, i)
	}
	for enter(0); len(open) > 0 && len(out) < limit; {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		s := heap[i]
		out = append(out, DueSchedule{
			Name: s.name, Revision: s.revision, Spec: s.spec, Policy: s.policy, Nominal: s.next, Due: s.due,
		})
		enter(2*i + 1)
		enter(2*i + 2)
	}
	return out
}

// ScheduleLedger returns up to limit entries of a schedule's ledger, the newest first, of sequences below before (0: all).
// To go on, ask before the last one's sequence.
func (m *Machine) ScheduleLedger(name string, before uint64, limit int) ([]LedgerEntry, bool) {
	s, ok := m.schedules.byName[name]
	if !ok {
		return nil, false
	}
	var out []LedgerEntry
	for i := len(s.ledger.blocks) - 1; i >= 0 && len(out) < limit; i-- {
		k := &s.ledger.blocks[i]
		if before != 0 && k.first >= before {
			continue
		}
		entries, err := k.entries()
		if err != nil {
			panic("task: a ledger in memory doesn't decode")
		}
		for j := len(entries) - 1; j >= 0 && len(out) < limit; j-- {
			if before == 0 || entries[j].Sequence < before {
				out = append(out, entries[j])
			}
		}
	}
	return out, true
}
