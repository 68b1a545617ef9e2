package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestAdvanceCounters: nothing that a lost entry gave out comes again, and nothing goes back.
func TestAdvanceCounters(t *testing.T) {
	d := newDirect(t)
	before := d.machine().Counters()
	d.do(&task.AdvanceCounters{Spare: 10})
	want := task.Counters{NextID: before.NextID + 10, LastToken: before.LastToken + 10, LastSession: before.LastSession + 10, LastProducer: before.LastProducer + 10}
	same(t, "counters with some to spare", d.machine().Counters(), want)
	d.do(&task.AdvanceCounters{Now: start})
	floor := uint64(start/second) * idsPerSecond
	want = task.Counters{NextID: task.ID(floor), LastToken: floor, LastSession: floor, LastProducer: floor}
	same(t, "counters by the clock", d.machine().Counters(), want)
	d.do(&task.AdvanceCounters{Now: start - hour})
	d.do(&task.AdvanceCounters{Now: -start})
	same(t, "counters by an earlier clock", d.machine().Counters(), want)
	same(t, "code of a spare that is too large", d.do(&task.AdvanceCounters{Spare: 1<<32 + 1})[0].Code, task.Invalid)
	same(t, "counters after it", d.machine().Counters(), want)
}

// TestImportOfAnotherTimeline: what an import found nowhere before a restore may be in the history of the restored state.
func TestImportOfAnotherTimeline(t *testing.T) {
	d := newDirect(t)
	const id = 1
	d.enqueue(1, task.NewTask{Queue: "q", Kind: "a"})
	d.do(&task.Cancel{IDs: []task.ID{id}})
	next, imports := d.machine().ImportMark()
	if err := d.machine().PrepareRestore(task.Restoration{Now: d.clock}); err != nil {
		t.Fatal(err)
	}
	r := d.do(&task.ImportTasks{Next: next, Imports: imports, Tasks: []task.ImportedTask{{
		ID: id, NewTask: task.NewTask{Queue: "q", Kind: "a"}, State: task.Pending,
	}}})[0]
	same(t, "code", r.Code, task.ResolveAgain)
}
