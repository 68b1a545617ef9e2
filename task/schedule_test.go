package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestScheduleLevel: an older member knows nothing of schedules, whether or not the command has a request's ID.
func TestScheduleLevel(t *testing.T) {
	for _, c := range []task.Command{
		&task.PutSchedule{}, &task.DeleteSchedule{}, &task.SetSchedulePaused{}, &task.TriggerSchedule{},
		&task.BackfillSchedule{}, &task.FireSchedules{},
	} {
		if task.LevelOf(c) != 3 || task.LevelOf(&task.Request{ID: "x", Command: c}) != 3 {
			t.Errorf("%T is of level %d", c, task.LevelOf(c))
		}
	}
}

// TestScheduleBounds: what the machine can't hold is refused, and changes nothing.
func TestScheduleBounds(t *testing.T) {
	d := newDirect(t)
	put := func(c task.PutSchedule) task.Code {
		if c.Name == "" {
			c.Name = "s"
		}
		return d.do(&c)[0].Code
	}
	d.do(&task.Tick{})
	hash := d.machine().Hash()
	for name, c := range map[string]task.PutSchedule{
		"a payload too large":  {Template: task.NewTask{Queue: "q", Payload: make([]byte, 1<<20+1)}},
		"a run time":           {Template: task.NewTask{Queue: "q", RunAt: start}},
		"parents":              {Template: task.NewTask{Queue: "q", DependsOn: []task.ID{1}}},
		"too long a ledger":    {Policy: task.SchedulePolicy{Ledger: task.MaxScheduleLedger + 1}},
		"too much to catch up": {Policy: task.SchedulePolicy{CatchUp: task.MaxCatchUp + 1}},
		"half a second":        {Next: start + second/2},
		"a name too long":      {Name: string(make([]byte, 129))},
	} {
		if code := put(c); code != task.Invalid {
			t.Errorf("%s: %v", name, code)
		}
	}
	if d.machine().Hash() != hash || d.machine().ScheduleCount() != 0 {
		t.Error("a refused schedule left something")
	}
	if code := put(task.PutSchedule{Template: task.NewTask{Queue: "q"}}); code != task.OK {
		t.Fatal(code)
	}
	if r := d.do(&task.BackfillSchedule{Name: "s", Nominals: make([]task.Time, task.MaxBackfill+1)})[0]; r.Code != task.Invalid {
		t.Errorf("too many ticks at once: %v", r.Code)
	}
}

// TestScheduleLiveBound: a schedule whose tasks nobody runs stops making more, and says so.
func TestScheduleLiveBound(t *testing.T) {
	d := newDirect(t)
	d.do(&task.PutSchedule{
		Name: "s", Template: task.NewTask{Queue: "q"}, Policy: task.SchedulePolicy{Overlap: task.OverlapAllow},
	})
	for range task.MaxScheduleLive {
		if it := d.do(&task.TriggerSchedule{Name: "s"})[0].Items[0]; it.Code != task.OK {
			t.Fatal(it.Code)
		}
	}
	it := d.do(&task.TriggerSchedule{Name: "s"})[0].Items[0]
	if entries, _ := d.machine().ScheduleLedger("s", 0, 1); it.Code != task.ScheduleFull || entries[0].Code != task.ScheduleFull {
		t.Errorf("the tick beyond the bound: %v, ledger %+v", it.Code, entries)
	}
}

// TestTerminateIsBounded: one command makes no more transitions than it may, and leaves the ticks that are too much for it as
// they are, due.
func TestTerminateIsBounded(t *testing.T) {
	d := newDirect(t)
	const n = 10
	names := "abcdefghij"
	policy := task.SchedulePolicy{Overlap: task.OverlapAllow}
	fire := &task.FireSchedules{}
	for i := range n {
		put := &task.PutSchedule{Name: names[i : i+1], Template: task.NewTask{Queue: "q"}, Policy: policy, Next: start, Due: start}
		d.do(put)
		for range 900 {
			d.do(&task.TriggerSchedule{Name: put.Name})
		}
		again := *put
		again.Policy.Overlap = task.OverlapTerminate
		d.do(&again)
		fire.Ticks = append(fire.Ticks, task.ScheduleTick{Schedule: put.Name, Revision: 2, Nominal: start, Next: start + hour, Due: start + hour})
	}
	for round, want := range []int{4, 8, 10} {
		before := d.queue("q").Cancelled
		d.do(fire)
		if made := d.queue("q").Cancelled - before; made > maxTransitions {
			t.Fatalf("%d tasks cancelled by one command", made)
		}
		if left := len(d.machine().DueSchedules(start, n)); left != n-want {
			t.Fatalf("round %d: %d schedules are left, want %d", round, left, n-want)
		}
	}
	same(t, "tasks", d.machine().LiveTasks(), uint64(n))
}
