package task_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rowlock/rowlock/task"
)

// modelSchedule is a schedule: its view, and its whole ledger.
type modelSchedule struct {
	task.Schedule // LedgerFirst is not kept up
	queued        modelTick
	ledger        []task.LedgerEntry
}

// modelTick is a tick that is being decided on.
type modelTick struct {
	nominal, due task.Time
	origin       task.TickOrigin
}

func (m *model) schedule(name string) *modelSchedule {
	for _, s := range m.schedules {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (m *model) putSchedule(c *task.PutSchedule) task.Result {
	if len(c.Template.DependsOn) > 0 || c.Next%second != 0 {
		return task.Result{Code: task.Invalid}
	}
	s := m.schedule(c.Name)
	if s == nil {
		m.lastID++
		s = &modelSchedule{}
		s.ID, s.Name, s.CreatedAt, s.LedgerNext = m.lastID, c.Name, m.now, 1
		m.schedules = append(m.schedules, s)
	}
	sameTimes, was := s.Revision > 0 && s.Spec == c.Spec, s.Policy.Overlap
	s.Spec, s.Policy, s.Template, s.UpdatedAt = c.Spec, c.Policy, c.Template, m.now
	s.Policy.Ledger = cmp.Or(s.Policy.Ledger, 100)
	s.Revision++
	s.Paused = s.Paused || c.Paused
	switch {
	case s.Paused:
		s.Next, s.Due = 0, 0
	case !sameTimes:
		s.Next, s.Due = c.Next, max(c.Due, c.Next)
	}
	if s.Policy.Overlap != was {
		m.repolicy(s)
	}
	return task.Result{Items: []task.Item{{ID: s.ID, Other: s.Revision}}}
}

// repolicy treats the tick that waits for tasks as the overlap policy says now.
func (m *model) repolicy(s *modelSchedule) {
	m.leaveSchedules()
	t := s.queued
	switch p := s.Policy.Overlap; {
	case t.nominal == 0 || len(s.Live) == 0:
	case p == task.OverlapSkip, p == task.OverlapTerminate && !s.Paused:
		s.queued = modelTick{}
		m.occur(s, t)
	case p == task.OverlapCancel:
		m.stopLive(s)
		m.leaveSchedules()
	}
}

func (m *model) deleteSchedule(c *task.DeleteSchedule) task.Result {
	s := m.schedule(c.Name)
	if s == nil {
		return task.Result{Code: task.NoSuchSchedule}
	}
	m.schedules = slices.DeleteFunc(m.schedules, func(o *modelSchedule) bool { return o == s })
	return task.Result{}
}

func (m *model) setSchedulePaused(c *task.SetSchedulePaused) task.Result {
	s := m.schedule(c.Name)
	switch {
	case s == nil:
		return task.Result{Code: task.NoSuchSchedule}
	case s.Paused == c.Paused:
		return task.Result{}
	}
	s.Paused = c.Paused
	s.Next, s.Due = 0, 0
	if !s.Paused {
		s.Next, s.Due = c.Next, max(c.Due, c.Next)
		if s.Policy.Overlap == task.OverlapTerminate {
			m.repolicy(s)
		}
	}
	return task.Result{}
}

func (m *model) triggerSchedule(c *task.TriggerSchedule) task.Result {
	s := m.schedule(c.Name)
	if s == nil {
		return task.Result{Code: task.NoSuchSchedule}
	}
	return task.Result{Items: []task.Item{m.occur(s, modelTick{m.now / second * second, m.now, task.FromTrigger})}}
}

func (m *model) backfillSchedule(c *task.BackfillSchedule) task.Result {
	s := m.schedule(c.Name)
	if s == nil {
		return task.Result{Code: task.NoSuchSchedule}
	}
	return items(c.Nominals, func(n task.Time) task.Item { return m.makeTask(s, modelTick{n, m.now, task.FromBackfill}) })
}

// fireOne decides on one tick of a FireSchedules.
func (m *model) fireOne(t task.ScheduleTick) task.Item {
	s := m.schedule(t.Schedule)
	if s == nil {
		return task.Item{Code: task.NoSuchSchedule}
	}
	last := t.Nominal
	if t.Missed > 0 {
		last = t.Last
	}
	if m.suspended() || s.Next == 0 || t.Nominal != s.Next || t.Revision != s.Revision || m.now < s.Due {
		return task.Item{Code: task.WrongState}
	}
	if t.Next != 0 && t.Next <= last {
		return task.Item{Code: task.Invalid}
	}
	if t.Missed > 0 && m.now-last <= s.Policy.Grace {
		return task.Item{Code: task.WrongState}
	}
	tick := modelTick{s.Next, s.Due, task.FromTick}
	s.Next, s.Due = t.Next, max(t.Due, t.Next)
	if t.Missed > 0 || (s.Policy.Misfire == task.MisfireSkip && m.now-tick.due > s.Policy.Grace) {
		m.note(s, tick, task.LedgerEntry{Outcome: task.TickMissed, Missed: max(t.Missed, 1), Last: last})
		return task.Item{}
	}
	return m.occur(s, tick)
}

// liveTasks are the tasks of a schedule's ticks that haven't ended.
func (m *model) liveTasks(s *modelSchedule) []task.ID {
	return slices.DeleteFunc(slices.Clone(s.Live), func(id task.ID) bool {
		t, live := m.live[id]
		return !live || t.State == task.DeadLetter
	})
}

// leaveSchedules forgets the tasks that have ended: a dead letter that is revived isn't the schedule's any more.
func (m *model) leaveSchedules() {
	for _, s := range m.schedules {
		s.Live = m.liveTasks(s)
	}
}

func (m *model) occur(s *modelSchedule, t modelTick) task.Item {
	m.leaveSchedules()
	if len(s.Live) == 0 && s.queued.nominal == 0 {
		return m.makeTask(s, t)
	}
	var oldest task.ID
	if len(s.Live) > 0 {
		oldest = s.Live[0]
	}
	switch {
	case s.Policy.Overlap == task.OverlapSkip, s.Policy.Overlap == task.OverlapQueueOne && s.queued.nominal != 0:
		m.note(s, t, task.LedgerEntry{Outcome: task.TickSkipped, Code: task.ScheduleOverlap, Task: oldest})
		return task.Item{ID: oldest, Code: task.ScheduleOverlap}
	case s.Policy.Overlap == task.OverlapQueueOne:
		s.queued = t
		m.note(s, t, task.LedgerEntry{Outcome: task.TickQueued, Task: oldest})
		return task.Item{}
	case s.Policy.Overlap == task.OverlapTerminate:
		for _, id := range s.Live {
			t := m.live[id]
			if t.State == task.Running {
				m.revoke(t, task.RevokedCancelled)
			}
			m.toHistory(t, task.Cancelled, task.ReasonSuperseded)
		}
		m.leaveSchedules()
		if s.queued.nominal != 0 { // from before a change of policy; the newest counts
			m.note(s, s.queued, task.LedgerEntry{Outcome: task.TickSkipped, Code: task.ScheduleOverlap})
			s.queued = modelTick{}
		}
	}
	if s.Policy.Overlap == task.OverlapCancel {
		return m.cancelThenOccur(s, t)
	}
	return m.makeTask(s, t)
}

// cancelThenOccur cancels what doesn't run and asks what runs to stop; the tick waits for that, in place of one that waits already.
func (m *model) cancelThenOccur(s *modelSchedule, t modelTick) task.Item {
	m.stopLive(s)
	m.leaveSchedules()
	var oldest task.ID
	if len(s.Live) > 0 {
		oldest = s.Live[0]
	}
	if s.queued.nominal != 0 {
		m.note(s, s.queued, task.LedgerEntry{Outcome: task.TickSkipped, Code: task.ScheduleOverlap, Task: oldest})
		s.queued = modelTick{}
	}
	if len(s.Live) == 0 {
		return m.makeTask(s, t)
	}
	s.queued = t
	m.note(s, t, task.LedgerEntry{Outcome: task.TickQueued, Task: oldest})
	return task.Item{}
}

// stopLive cancels the tasks that don't run and asks the workers of those that do to stop.
func (m *model) stopLive(s *modelSchedule) {
	for _, id := range s.Live {
		if l := m.live[id]; l.State != task.Running {
			m.toHistory(l, task.Cancelled, task.ReasonSuperseded)
		} else {
			m.effects.Stopping = append(m.effects.Stopping, task.StopRequest{Session: l.Session, Lease: task.LeaseRef{ID: id, Token: l.Token}})
		}
	}
}

// stopping reports whether a tick with the policy cancel waits for a task that runs.
func (m *model) stopping(t *modelTask) bool {
	for _, s := range m.schedules {
		if t.State == task.Running && s.Policy.Overlap == task.OverlapCancel && s.queued.nominal != 0 && slices.Contains(s.Live, t.ID) {
			return true
		}
	}
	return false
}

// stopped ends such a task when its attempt ends without success.
func (m *model) stopped(t *modelTask) bool {
	if !m.stopping(t) {
		return false
	}
	m.toHistory(t, task.Cancelled, task.ReasonSuperseded)
	return true
}

func (m *model) makeTask(s *modelSchedule, t modelTick) task.Item {
	n := s.Template
	payload := string(n.Payload)
	for _, x := range [][2]string{
		{"{{nominal_time}}", time.Unix(t.nominal/second, 0).UTC().Format("2006-01-02T15:04:05Z")},
		{"{{nominal_unix}}", strconv.FormatInt(t.nominal/second, 10)},
		{"{{schedule}}", s.Name},
	} {
		payload = strings.ReplaceAll(payload, x[0], x[1])
	}
	n.Payload = []byte(payload)
	item := m.enqueueOne(n)
	m.leaveSchedules() // the new task may have replaced one
	if item.Code != task.OK {
		m.note(s, t, task.LedgerEntry{Outcome: task.TickSkipped, Code: item.Code, Task: item.ID})
		return item
	}
	m.live[item.ID].Schedule, m.live[item.ID].NominalTime = s.Name, t.nominal
	if t.origin != task.FromBackfill {
		s.Live = append(s.Live, item.ID)
	}
	m.note(s, t, task.LedgerEntry{Outcome: task.TickFired, Task: item.ID})
	return item
}

func (m *model) note(s *modelSchedule, t modelTick, e task.LedgerEntry) {
	e.Sequence, e.Nominal, e.Origin = s.LedgerNext, t.nominal, t.origin
	e.Late = (m.now - t.due) / 1000 * 1000
	s.LedgerNext++
	s.ledger = append(s.ledger, e)
}

// startable reports whether a schedule's queued tick waits for nothing any more.
func (m *model) startable(s *modelSchedule) bool {
	return s.queued.nominal != 0 && !s.Paused && (len(m.liveTasks(s)) == 0 || s.Policy.Overlap == task.OverlapAllow)
}

// fireQueued makes the tasks of the queued ticks that wait for nothing any more: those of the older schedules first.
func (m *model) fireQueued() {
	for {
		m.leaveSchedules()
		i := slices.IndexFunc(m.schedules, m.startable)
		if i < 0 {
			return
		}
		s := m.schedules[i]
		t := s.queued
		s.queued = modelTick{}
		m.makeTask(s, t)
	}
}
