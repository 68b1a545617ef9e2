package task_test

import (
	"github.com/rowlock/rowlock/task"
)

var scheduleNames = []string{"hourly", "daily", "sync"}

// scheduleCommand draws a command on schedules; firing is what happens most.
func (r random) scheduleCommand() task.Command {
	name := some(r, "schedule", scheduleNames...)
	switch r.number("on schedules", 0, 9) {
	case 0, 1:
		return r.putSchedule(name)
	case 2:
		next, due := r.nextTick("next", r.m.now)
		return &task.SetSchedulePaused{Name: name, Paused: r.number("pause", 0, 1) == 1, Next: next, Due: due}
	case 3:
		return &task.TriggerSchedule{Name: name}
	case 4:
		if r.number("backfill", 0, 2) == 0 {
			return &task.DeleteSchedule{Name: name}
		}
		return &task.BackfillSchedule{Name: name, Nominals: []task.Time{start, start + second}}
	}
	c := &task.FireSchedules{}
	for range r.number("ticks", 1, 3) {
		c.Ticks = append(c.Ticks, r.scheduleTick())
	}
	return c
}

// nextTick draws a nominal time around another, and when it is due.
func (r random) nextTick(label string, from task.Time) (next, due task.Time) {
	next = from/second*second + some(r, label, 0, second, second, 2*second, 5*second, hour)
	return next, next + some(r, label+" jitter", 0, 0, second/2)
}

func (r random) putSchedule(name string) task.Command {
	c := &task.PutSchedule{
		Name: name, Template: r.newTask(), Paused: r.number("paused", 0, 5) == 0,
		Spec: task.ScheduleSpec{Expression: some(r, "expression", "* * * * *", "@hourly"), TimeZone: "UTC"},
		Policy: task.SchedulePolicy{
			Misfire: some(r, "misfire", task.MisfireFireOnce, task.MisfireSkip, task.MisfireCatchUp),
			CatchUp: 3, Grace: some(r, "grace", task.Duration(0), 2*second, hour), Ledger: some(r, "ledger", uint32(0), 1, 20),
			Overlap: some(r, "overlap", task.OverlapSkip, task.OverlapAllow, task.OverlapQueueOne, task.OverlapTerminate, task.OverlapCancel),
		},
	}
	c.Next, c.Due = r.nextTick("next", r.m.now)
	if r.number("placeholders", 0, 2) == 0 {
		c.Template.Payload = []byte(`{"of":"{{schedule}} {{nominal_time}}","at":{{nominal_unix}},"{{":1}`)
	}
	c.Template.RunAt, c.Template.RetryOf, c.Template.ParentsDone = 0, 0, nil
	if r.number("parents stay", 0, 9) > 0 {
		c.Template.DependsOn = nil
	}
	return c
}

// scheduleTick draws a tick, mostly the one that comes next.
func (r random) scheduleTick() task.ScheduleTick {
	t := task.ScheduleTick{Schedule: some(r, "schedule", scheduleNames...), Revision: 1, Nominal: start}
	if s := r.m.schedule(t.Schedule); s != nil && r.number("right tick", 0, 9) > 0 {
		t.Revision, t.Nominal = s.Revision, s.Next
	}
	last := t.Nominal
	if r.number("missed", 0, 3) == 0 {
		t.Missed, t.Last = uint32(r.number("run", 1, 3)), t.Nominal+some(r, "to", 0, second)
		last = t.Last
	}
	t.Next, t.Due = r.nextTick("behind", last)
	if r.number("last tick", 0, 9) == 0 {
		t.Next, t.Due = 0, 0
	}
	return t
}
