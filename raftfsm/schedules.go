package raftfsm

import (
	"log/slog"
	"math"

	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/cron"
)

const (
	// fireBatch is after how many ticks no further schedule is added to a command. What is due beyond it follows in the next
	// entries, between which others' work gets its turn.
	fireBatch = 500
	// maxCounted is up to where late ticks are counted one by one.
	maxCounted = 1000
	// everything bounds nothing.
	everything = math.MaxInt
)

// scheduler says what the ticks that are due ask for. It keeps nothing that a new leader would have to know: which tick comes
// next, and when, is in the state, and a tick that isn't the next one is ignored there.
type scheduler struct {
	clock  *clock
	read   func(fn func(m *task.Machine))
	logger *slog.Logger

	// broken are schedules whose times can't be told here, such as of a time zone that only newer members know, with what was
	// complained about. Only commands uses it.
	broken map[string]task.ScheduleSpec
}

// commands returns what to propose now; nothing, if nothing is due.
func (s *scheduler) commands() []task.Command {
	var due []task.DueSchedule
	now := s.clock.now()
	s.read(func(m *task.Machine) { due = m.DueSchedules(now, fireBatch+len(s.broken)) })
	var fire task.FireSchedules
	for i := range due {
		d := &due[i]
		if len(fire.Ticks) >= fireBatch {
			break
		}
		if spec, known := s.broken[d.Name]; known && spec == d.Spec {
			continue
		}
		parsed, err := cron.Stored(&d.Spec)
		if err != nil {
			s.complain(d, err)
			continue
		}
		fire.Ticks = appendTicks(fire.Ticks, parsed, d, now)
	}
	if len(fire.Ticks) == 0 {
		return nil
	}
	return []task.Command{&fire}
}

// complain says once that a schedule doesn't fire here. Under another leader it may.
func (s *scheduler) complain(d *task.DueSchedule, err error) {
	if s.broken == nil {
		s.broken = map[string]task.ScheduleSpec{}
	}
	s.broken[d.Name] = d.Spec
	s.logger.Error("a schedule can't fire under this leader", "schedule", d.Name, "error", err)
}

// nominalTick is a tick with the time at which it is due. The zero value is none.
type nominalTick struct{ nominal, due task.Time }

// calendar tells a schedule's ticks in the state's units.
type calendar struct {
	*cron.Schedule
	name string
}

// after is the tick that comes behind a nominal time.
func (c calendar) after(nominal task.Time) nominalTick {
	next, due := c.Tick(c.name, nominal)
	return nominalTick{next, due}
}

// appendTicks adds what a schedule's next tick asks for, and the late ones behind it: runs that are missed, and those that
// the misfire policy lets fire.
func appendTicks(ticks []task.ScheduleTick, parsed *cron.Schedule, d *task.DueSchedule, now task.Time) []task.ScheduleTick {
	c := calendar{parsed, d.Name}
	add := func(from, next nominalTick, missed int, last task.Time) {
		ticks = append(ticks, task.ScheduleTick{
			Schedule: d.Name, Revision: d.Revision, Nominal: from.nominal, Next: next.nominal, Due: next.due, Missed: uint32(missed), Last: last,
		})
	}
	first := nominalTick{d.Nominal, d.Due}
	if now-d.Due <= d.Policy.Grace {
		add(first, c.after(first.nominal), 0, 0)
		return ticks
	}
	late, counted, next := c.late(first, now-d.Policy.Grace, allowed(&d.Policy))
	fires := late[max(0, len(late)-allowed(&d.Policy)):]
	if missed := counted - len(fires); missed > 0 {
		behind := next
		if len(fires) > 0 {
			behind = fires[0]
		}
		add(first, behind, missed, late[len(late)-len(fires)-1].nominal)
	}
	for i, t := range fires {
		behind := next
		if i+1 < len(fires) {
			behind = fires[i+1]
		}
		add(t, behind, 0, 0)
	}
	return ticks
}

// allowed is how many late ticks fire.
func allowed(p *task.SchedulePolicy) int {
	switch p.Misfire {
	case task.MisfireSkip:
		return 0
	case task.MisfireCatchUp:
		return int(min(p.CatchUp, task.MaxCatchUp))
	}
	return 1
}

// late returns the last ticks that were due before cut, one more than keep at least where there are as many; how many there
// are from the first on, counted to a bound; and the tick behind them.
func (c calendar) late(first nominalTick, cut task.Time, keep int) (ticks []nominalTick, counted int, next nominalTick) {
	head, next := c.walk(first, cut, maxCounted)
	if next.nominal == 0 || next.due >= cut {
		return head, len(head), next
	}
	// Too many to go through: look back from the end, further and further.
	for span := (next.nominal - first.nominal) / maxCounted * task.Duration(keep+2); ; span *= 2 {
		from := cut - span
		if from <= next.nominal {
			rest, end := c.walk(next, cut, everything)
			ticks = append(head, rest...)
			return ticks, len(ticks), end
		}
		if tail, end := c.walk(c.after(from), cut, everything); len(tail) > keep {
			return tail, len(head) + len(tail), end
		}
	}
}

// walk returns the ticks from one on that were due before cut, up to a number, and the one behind them.
func (c calendar) walk(t nominalTick, cut task.Time, most int) (ticks []nominalTick, next nominalTick) {
	for t.nominal != 0 && t.due < cut && len(ticks) < most {
		ticks = append(ticks, t)
		t = c.after(t.nominal)
	}
	return ticks, t
}
