package raftfsm

import (
	"time"

	"github.com/rowlock/rowlock/task"
)

// scheduleGauges shows how many schedules there are, and whether they fire in time.
func (m *metrics) scheduleGauges(n *Node) {
	m.gauge("rowlock_schedules", "Schedules, on the leader.", func() (count float64) {
		if n.leadership.serving() {
			n.replica.read(func(s *task.Machine) { count = float64(s.ScheduleCount()) })
		}
		return count
	})
	m.gauge("rowlock_schedule_lag_seconds", "For how long the tick that is due for the longest has waited to be fired, on the leader; 0: none waits.", func() float64 {
		if !n.leadership.serving() {
			return 0
		}
		var due task.Time
		var ok bool
		n.replica.read(func(s *task.Machine) { due, ok = s.NextSchedule() })
		if !ok {
			return 0
		}
		late := time.Duration(n.leadership.clock.now()-due) * time.Microsecond
		return max(late, 0).Seconds()
	})
}
