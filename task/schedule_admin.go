package task

import "strings"

// maxScheduleName is how long a schedule's name may be, in bytes.
const maxScheduleName = 128

// maxScheduleText is how long its expression and time zone may be, in bytes.
const maxScheduleText = 1024

// valid checks what the machine relies on; proposers have checked more, and said what is wrong.
func (c *PutSchedule) valid() bool {
	t, p := &c.Template, &c.Policy
	return c.Name != "" && len(c.Name) <= maxScheduleName && len(c.Spec.Expression) <= maxScheduleText && len(c.Spec.TimeZone) <= maxScheduleText &&
		len(t.Payload) <= maxPayload && t.RunAt == 0 && t.RetryOf == 0 && len(t.DependsOn) == 0 && len(t.ParentsDone) == 0 &&
		p.CatchUp <= MaxCatchUp && p.Ledger <= MaxScheduleLedger && p.Grace >= 0 && wholeSeconds(c.Next)
}

// wholeSeconds reports whether a time is a nominal time.
func wholeSeconds(t Time) bool { return t >= 0 && t%second == 0 }

func (m *Machine) putSchedule(c *PutSchedule) Result {
	if !c.valid() {
		return Result{Code: Invalid}
	}
	template := c.Template.append(nil)
	s, known := m.schedules.byName[c.Name]
	had := 0
	if known {
		had = s.size()
	} else if len(m.schedules.byName) >= MaxSchedules {
		return Result{Code: TooManySchedules}
	}
	if m.schedules.bytes-had+len(template)+len(c.Name)+len(c.Spec.Expression) > MaxScheduleBytes {
		return Result{Code: TooManySchedules}
	}
	if !known {
		s = &schedule{id: m.nextID, name: strings.Clone(c.Name), created: m.now, ledger: ledger{next: 1}}
		m.nextID++
		m.schedules.add(s)
	}
	same := known && s.spec == c.Spec
	was := s.policy.Overlap
	s.spec = c.Spec
	s.spec.Expression, s.spec.TimeZone = strings.Clone(c.Spec.Expression), strings.Clone(c.Spec.TimeZone)
	s.policy, s.template, s.updated = c.Policy, template, m.now
	if s.policy.Ledger == 0 {
		s.policy.Ledger = DefaultScheduleLedger
	}
	s.revision++
	m.schedules.bytes += s.size() - had
	s.paused = s.paused || c.Paused
	switch {
	case s.paused:
		m.schedules.arm(s, 0, 0)
	case !same: // else a tick that is due, and hasn't fired yet, would be lost
		m.schedules.arm(s, c.Next, c.Due)
	}
	m.trimLedger(s)
	m.touchDefinition(s)
	if s.policy.Overlap != was {
		m.settleQueued(s)
	}
	if s.startable() {
		m.schedules.wake(s.id)
	}
	return Result{Items: []Item{{ID: s.id, Other: s.revision}}}
}

func (m *Machine) deleteSchedule(c *DeleteSchedule) Result {
	s, ok := m.schedules.byName[c.Name]
	if !ok {
		return Result{Code: NoSuchSchedule}
	}
	m.schedules.remove(s)
	m.schedules.bytes -= s.size()
	m.dirty.record(KindSchedule, uint64(s.id))
	m.dirty.record(KindScheduleState, uint64(s.id))
	for i := range s.ledger.blocks {
		m.dirty.ledger(s.id, s.ledger.blocks[i].first)
	}
	return Result{}
}

func (m *Machine) setSchedulePaused(c *SetSchedulePaused) Result {
	s, ok := m.schedules.byName[c.Name]
	switch {
	case !ok:
		return Result{Code: NoSuchSchedule}
	case !wholeSeconds(c.Next):
		return Result{Code: Invalid}
	case s.paused == c.Paused:
		return Result{}
	}
	s.paused = c.Paused
	if s.paused {
		m.schedules.arm(s, 0, 0)
	} else {
		m.schedules.arm(s, c.Next, c.Due)
	}
	m.touchSchedule(s)
	if s.policy.Overlap == OverlapTerminate && !s.paused { // which may have waited for that
		m.settleQueued(s)
	}
	if s.startable() {
		m.schedules.wake(s.id)
	}
	return Result{}
}
