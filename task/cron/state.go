package cron

import (
	"time"

	"github.com/rowlock/rowlock/task"
)

// Stored parses a spec as the state keeps it.
func Stored(s *task.ScheduleSpec) (*Schedule, error) {
	spec := Spec{Expression: s.Expression, TimeZone: s.TimeZone, Jitter: time.Duration(s.Jitter) * time.Microsecond}
	if s.Start != 0 {
		spec.Start = time.UnixMicro(s.Start)
	}
	if s.End != 0 {
		spec.End = time.UnixMicro(s.End)
	}
	return Parse(spec)
}

// Tick returns the first tick of a schedule after a time: its nominal time and when it is due, both in the state's units; 0: there
// is none.
func (s *Schedule) Tick(name string, after task.Time) (nominal, due task.Time) {
	next, ok := s.Next(time.UnixMicro(after))
	if !ok {
		return 0, 0
	}
	return next.UnixMicro(), s.Due(name, next).UnixMicro()
}
