package task_test

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// compareSchedules holds what is told of schedules against the model.
func compareSchedules(t reporter, r *replica, m *model) {
	t.Helper()
	m.leaveSchedules()
	byName := slices.SortedFunc(slices.Values(m.schedules), func(a, b *modelSchedule) int { return cmp.Compare(a.Name, b.Name) })
	same(t, "number of schedules", r.machine.ScheduleCount(), len(byName))
	var listed []string
	for after, n := "", 0; n <= len(byName); n++ {
		page := r.machine.Schedules("", after, 1)
		if len(page) == 0 {
			break
		}
		after = page[0].Name
		listed = append(listed, after)
	}
	var names []string
	var next task.Time
	for _, s := range byName {
		names = append(names, s.Name)
		if s.Next != 0 && (next == 0 || s.Due < next) {
			next = s.Due
		}
		compareSchedule(t, r, s)
	}
	same(t, "list of schedules", listed, names)
	if m.suspended() {
		next = 0
	}
	at, _ := r.machine.NextSchedule()
	same(t, "next schedule", at, next)
	compareDue(t, r, m)
}

func compareSchedule(t reporter, r *replica, s *modelSchedule) {
	t.Helper()
	got, ok := r.machine.Schedule(s.Name)
	if !ok {
		t.Fatalf("schedule %s is lost", s.Name)
	}
	want := s.Schedule
	want.Queued = s.queued.nominal
	want.LedgerFirst = got.LedgerFirst
	same(t, "schedule "+s.Name, got, want)
	kept := want.LedgerNext - got.LedgerFirst
	if least := min(uint64(len(s.ledger)), uint64(s.Policy.Ledger)); kept < least || kept > least+16 {
		t.Fatalf("schedule %s: %d ledger entries are kept, want %d or a few more", s.Name, kept, least)
	}
	var entries []task.LedgerEntry // newest first
	for before := uint64(0); ; before = entries[len(entries)-1].Sequence {
		page, _ := r.machine.ScheduleLedger(s.Name, before, 3)
		if len(page) == 0 {
			break
		}
		entries = append(entries, page...)
	}
	slices.Reverse(entries)
	same(t, "ledger of "+s.Name, entries, s.ledger[len(s.ledger)-int(kept):])
}

// compareDue asks for what is due, the earliest first.
func compareDue(t reporter, r *replica, m *model) {
	t.Helper()
	due := slices.SortedFunc(slices.Values(m.schedules), func(a, b *modelSchedule) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID))
	})
	due = slices.DeleteFunc(due, func(s *modelSchedule) bool { return s.Next == 0 || s.Due > m.now || m.suspended() })
	for limit := 1; limit <= len(due)+1; limit++ {
		var want, got []string
		for _, s := range due[:min(limit, len(due))] {
			want = append(want, fmt.Sprint(s.Name, s.Revision, s.Next, s.Due))
		}
		for _, d := range r.machine.DueSchedules(m.now, limit) {
			got = append(got, fmt.Sprint(d.Name, d.Revision, d.Nominal, d.Due))
		}
		same(t, "due schedules", got, want)
	}
}
