package task

import "slices"

// occurrence is a tick of a schedule that comes to be decided on.
type occurrence struct {
	nominal Time
	due     Time
	origin  TickOrigin
}

// fireSchedules decides on ticks, each once: a tick is the schedule's next or it is none.
func (m *Machine) fireSchedules(c *FireSchedules) Result {
	items := make([]Item, len(c.Ticks))
	for i := range c.Ticks {
		items[i] = m.fireTick(&c.Ticks[i])
	}
	return Result{Items: items}
}

func (m *Machine) fireTick(t *ScheduleTick) Item {
	s, ok := m.schedules.byName[t.Schedule]
	if !ok {
		return Item{Code: NoSuchSchedule}
	}
	last := t.Nominal
	if t.Missed > 0 {
		last = t.Last
	}
	switch {
	case m.suspended(), s.next == 0 || s.next != t.Nominal || s.revision != t.Revision || s.due > m.now:
		return Item{Code: WrongState}
	case !wholeSeconds(t.Next) || t.Next != 0 && t.Next <= last || last < t.Nominal || !wholeSeconds(last):
		return Item{Code: Invalid}
	case t.Missed > 0 && m.now-last <= s.policy.Grace:
		return Item{Code: WrongState}
	case m.budget < m.fireCost(s): // the next proposal goes on with it
		return Item{Code: WrongState}
	}
	o := occurrence{nominal: s.next, due: s.due, origin: FromTick}
	m.schedules.arm(s, t.Next, t.Due)
	m.touchSchedule(s)
	late := m.now - o.due
	if t.Missed > 0 || late > s.policy.Grace && s.policy.Misfire == MisfireSkip {
		m.noteTick(s, LedgerEntry{Nominal: o.nominal, Outcome: TickMissed, Late: late, Missed: max(t.Missed, 1), Last: last})
		return Item{}
	}
	m.budget -= m.fireCost(s)
	return m.occur(s, o)
}

// fireCost is how many transitions a tick makes at most: its task, one that this replaces through its unique key, and
// those that are terminated.
func (m *Machine) fireCost(s *schedule) int {
	if s.policy.Overlap >= OverlapTerminate {
		return 2 + len(s.live)
	}
	return 2
}

func (m *Machine) triggerSchedule(c *TriggerSchedule) Result {
	s, ok := m.schedules.byName[c.Name]
	if !ok {
		return Result{Code: NoSuchSchedule}
	}
	return Result{Items: []Item{m.occur(s, occurrence{nominal: m.now - m.now%second, due: m.now, origin: FromTrigger})}}
}

func (m *Machine) backfillSchedule(c *BackfillSchedule) Result {
	s, ok := m.schedules.byName[c.Name]
	if !ok {
		return Result{Code: NoSuchSchedule}
	}
	if len(c.Nominals) > MaxBackfill || slices.ContainsFunc(c.Nominals, func(n Time) bool { return !wholeSeconds(n) }) {
		return Result{Code: Invalid}
	}
	items := make([]Item, len(c.Nominals))
	for i, n := range c.Nominals {
		items[i] = m.makeTask(s, occurrence{nominal: n, due: m.now, origin: FromBackfill})
	}
	return Result{Items: items}
}

// occur has a tick make its task, wait or be skipped, as the overlap policy says.
func (m *Machine) occur(s *schedule, o occurrence) Item {
	if len(s.live) == 0 && s.queued.nominal == 0 {
		return m.makeTask(s, o)
	}
	switch s.policy.Overlap {
	case OverlapSkip:
		return m.skip(s, o, Item{ID: s.oldest(), Code: ScheduleOverlap})
	case OverlapQueueOne:
		if s.queued.nominal != 0 {
			return m.skip(s, o, Item{ID: s.oldest(), Code: ScheduleOverlap})
		}
		s.queued = o
		m.noteTick(s, LedgerEntry{Nominal: o.nominal, Outcome: TickQueued, Origin: o.origin, Late: m.now - o.due, Task: s.oldest()})
		return Item{}
	case OverlapTerminate:
		m.terminateLive(s)
		m.skipQueued(s)
	case OverlapCancel:
		return m.cancelThenOccur(s, o)
	}
	return m.makeTask(s, o)
}

// oldest is the task that is in the way the longest; 0: none.
func (s *schedule) oldest() ID {
	if len(s.live) == 0 {
		return 0
	}
	return s.live[0]
}

// makeTask makes the tick's task, unless the queue refuses it. A backfilled one isn't followed: it is in nobody's way, and
// terminated by none.
func (m *Machine) makeTask(s *schedule, o occurrence) Item {
	follow := o.origin != FromBackfill
	if follow && len(s.live) >= MaxScheduleLive {
		return m.skip(s, o, Item{ID: s.oldest(), Code: ScheduleFull})
	}
	t := s.task(o.nominal)
	item := m.acceptFor(&t, source{tick: tickRef{schedule: s.name, nominal: o.nominal}})
	if item.Code != OK {
		return m.skip(s, o, item)
	}
	if follow {
		s.live = append(s.live, item.ID)
	}
	m.noteTick(s, LedgerEntry{Nominal: o.nominal, Outcome: TickFired, Origin: o.origin, Task: item.ID, Late: m.now - o.due})
	return item
}

func (m *Machine) skip(s *schedule, o occurrence, why Item) Item {
	m.noteTick(s, LedgerEntry{Nominal: o.nominal, Outcome: TickSkipped, Origin: o.origin, Code: why.Code, Task: why.ID, Late: m.now - o.due})
	return why
}

// leaveSchedule tells a schedule that its task has ended.
func (m *Machine) leaveSchedule(r *record) {
	if r.flags&flagScheduled == 0 {
		return
	}
	s, ok := m.schedules.byName[m.coldOf(r).tick.schedule]
	if !ok {
		return
	}
	i, found := slices.BinarySearch(s.live, r.id)
	if !found { // backfilled, an earlier life of a dead letter, or of a schedule that was deleted
		return
	}
	s.live = slices.Delete(s.live, i, i+1)
	m.touchSchedule(s)
	if s.startable() {
		m.schedules.wake(s.id)
	}
}

// stepSchedules fires queued ticks whose time has come, as long as the budget lasts.
func (m *Machine) stepSchedules() {
	x := &m.schedules
	for len(x.wakes) > 0 && m.budget > 0 {
		id := x.wakes[0]
		x.wakes = x.wakes[1:]
		s, ok := x.byID[id]
		if !ok || !s.startable() {
			continue
		}
		m.budget -= 2
		o := s.queued
		s.queued = occurrence{}
		m.touchSchedule(s)
		m.makeTask(s, o)
	}
}
