package task_test

import (
	"fmt"
	"strings"

	"github.com/rowlock/rowlock/task"
)

var (
	overlaps = map[string]task.OverlapPolicy{
		"": task.OverlapSkip, "skip": task.OverlapSkip, "allow": task.OverlapAllow, "queue-one": task.OverlapQueueOne,
		"terminate": task.OverlapTerminate, "cancel": task.OverlapCancel,
	}
	misfires = map[string]task.MisfirePolicy{
		"": task.MisfireFireOnce, "fire-once": task.MisfireFireOnce, "skip": task.MisfireSkip, "catch-up": task.MisfireCatchUp,
	}
)

// scheduleCommand makes a command on schedules; nil: the line is none.
func (s *stage) scheduleCommand(a *arguments) task.Command {
	switch a.verb {
	case "schedule":
		return s.putCommand(a)
	case "unschedule":
		return &task.DeleteSchedule{Name: a.word()}
	case "pause-schedule":
		return &task.SetSchedulePaused{Name: a.word(), Paused: true}
	case "resume-schedule":
		return &task.SetSchedulePaused{Name: a.word(), Next: a.time("next"), Due: a.time("due")}
	case "trigger":
		return &task.TriggerSchedule{Name: a.word()}
	case "backfill":
		c := &task.BackfillSchedule{Name: a.word()}
		for _, w := range a.rest() {
			c.Nominals = append(c.Nominals, start+a.parseDuration(w))
		}
		return c
	case "fire":
		s.flush()
		v, _ := s.machine().Schedule(a.word())
		t := task.ScheduleTick{
			Schedule: v.Name, Revision: v.Revision, Nominal: v.Next, Next: a.time("next"), Due: a.time("due"),
			Missed: uint32(a.number("missed")), Last: a.time("last"),
		}
		if a.has("nominal") {
			t.Nominal = a.time("nominal")
		}
		if a.has("revision") {
			t.Revision = a.number("revision")
		}
		return &task.FireSchedules{Ticks: []task.ScheduleTick{t}}
	}
	return nil
}

func (s *stage) putCommand(a *arguments) task.Command {
	overlap, known := overlaps[a.value("overlap")]
	misfire, ok := misfires[a.value("misfire")]
	if !known || !ok {
		a.t.Fatalf("%s: no such policy", a.line)
	}
	c := &task.PutSchedule{
		Name: a.word(), Spec: task.ScheduleSpec{Expression: a.value("cron")}, Paused: a.flag("paused"),
		Policy: task.SchedulePolicy{
			Misfire: misfire, Overlap: overlap, CatchUp: uint32(a.number("catch-up")), Grace: a.duration("grace"), Ledger: uint32(a.number("ledger")),
		},
		Next: a.time("next"), Due: a.time("due"),
	}
	c.Template = s.enqueueCommand(a).(*task.Enqueue).Tasks[0]
	return c
}

// scheduleQuestion makes what a line asks of schedules; nil: nothing.
func (s *stage) scheduleQuestion(a *arguments) func() {
	switch a.verb {
	case "schedules":
		return func() {
			for _, v := range s.machine().Schedules("", "", 100) {
				s.printf("%s", scheduleLine(v))
			}
			if s.machine().ScheduleCount() == 0 {
				s.printf("none")
			}
		}
	case "ledger":
		name := a.word()
		return func() {
			entries, _ := s.machine().ScheduleLedger(name, 0, 100)
			for _, e := range entries {
				s.printf("%s", ledgerLine(e))
			}
			if len(entries) == 0 {
				s.printf("empty")
			}
		}
	}
	return nil
}

func scheduleLine(v task.Schedule) string {
	line := fmt.Sprintf("%s, revision %d: ", v.Name, v.Revision)
	switch {
	case v.Paused:
		line += "paused"
	case v.Next == 0:
		line += "no tick ahead"
	default:
		line += "next " + clock(v.Next)
		if v.Due != v.Next {
			line += ", due " + clock(v.Due)
		}
	}
	if len(v.Live) > 0 {
		line += ", live: " + idList(v.Live)
	}
	if v.Queued != 0 {
		line += ", queued: " + clock(v.Queued)
	}
	return line
}

func ledgerLine(e task.LedgerEntry) string {
	line := fmt.Sprintf("%d: %s %s", e.Sequence, clock(e.Nominal), e.Outcome)
	var notes []string
	note := func(ok bool, format string, args ...any) {
		if ok {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	note(e.Missed > 1, "%d ticks up to %s", e.Missed, clock(e.Last))
	note(e.Origin != task.FromTick, "by %s", e.Origin)
	note(e.Code != task.OK, "%v", e.Code)
	note(e.Task != 0, "task %d", e.Task)
	note(e.Late > 0, "late by %v", goDuration(e.Late))
	if len(notes) > 0 {
		line += ": " + strings.Join(notes, ", ")
	}
	return line
}
