package task_test

import (
	"math/rand/v2"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// importOf is an import whose proposer looks right now and finds nothing.
func importOf(d *direct, tasks ...task.ImportedTask) *task.ImportTasks {
	c := &task.ImportTasks{Tasks: tasks}
	c.Next, c.Imports = d.machine().ImportMark()
	return c
}

func pendingAgain(id task.ID) task.ImportedTask {
	return task.ImportedTask{ID: id, NewTask: task.NewTask{Queue: "q", Kind: "a"}, State: task.Pending}
}

// TestImportLooksAgain lets tasks come and go between the look of an import's proposer and the import: it has to look again, as the
// history may have them.
func TestImportLooksAgain(t *testing.T) {
	for name, between := range map[string]func(d *direct){
		"an import":  func(d *direct) { d.do(importOf(d, pendingAgain(9))) },
		"an enqueue": func(d *direct) { d.enqueue(9, task.NewTask{Queue: "q"}) },
	} {
		d := newDirect(t)
		d.enqueue(1, task.NewTask{Queue: "q"})
		late := importOf(d, pendingAgain(9))
		between(d)
		if got := d.do(late)[0]; got.Code != task.OK || got.Items[0].Code != task.TaskExists {
			t.Errorf("%s, and the task is live: %+v", name, got)
		}
		d.do(&task.Cancel{IDs: []task.ID{9}})
		if got := d.do(late)[0]; got.Code != task.ResolveAgain {
			t.Errorf("%s, and the task has ended: %+v", name, got)
		}
	}
}

// TestImportBounds keeps commands and IDs within bounds.
func TestImportBounds(t *testing.T) {
	d := newDirect(t)
	if got := d.do(importOf(d, make([]task.ImportedTask, task.MaxImportTasks+1)...))[0].Code; got != task.Invalid {
		t.Errorf("%d tasks: %v", task.MaxImportTasks+1, got)
	}
	highest := task.ID(start/second)<<20 + 1<<32
	for id, want := range map[task.ID]task.Code{0: task.IDOutOfRange, highest + 1: task.IDOutOfRange, 1 << 63: task.IDOutOfRange} {
		if got := d.do(importOf(d, pendingAgain(id)))[0].Items[0].Code; got != want {
			t.Errorf("ID %d: %v, want %v", id, got, want)
		}
	}
	if next, _ := d.machine().ImportMark(); next != 1 {
		t.Errorf("the next ID is %d after refusals", next)
	}
	if got := d.do(importOf(d, pendingAgain(highest)))[0].Items[0].Code; got != task.OK {
		t.Errorf("ID %d: %v", highest, got)
	}
	if next, _ := d.machine().ImportMark(); next != highest+1 {
		t.Errorf("the next ID is %d", next)
	}
}

// TestImportBetween puts back tasks whose IDs lie anywhere between others, and finds all of them, in order.
func TestImportBetween(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	d := newDirect(t)
	const most = 200_000
	d.do(importOf(d, pendingAgain(most)))
	want := map[task.ID]bool{most: true}
	for range 40 {
		var tasks []task.ImportedTask
		base := task.ID(random.IntN(most - 2000))
		for range 300 {
			id := base + task.ID(random.IntN(2000)) + 1
			if !want[id] {
				want[id] = true
				tasks = append(tasks, pendingAgain(id))
			}
		}
		for _, item := range d.do(importOf(d, tasks...))[0].Items {
			if item.Code != task.OK {
				t.Fatalf("task %d: %v", item.ID, item.Code)
			}
		}
	}
	tasks, _ := d.machine().List(task.ListFilter{Limit: len(want) + 1, Scan: most})
	if len(tasks) != len(want) {
		t.Fatalf("%d tasks are listed, want %d", len(tasks), len(want))
	}
	for i, got := range tasks {
		if !want[got.ID] || i > 0 && tasks[i-1].ID >= got.ID {
			t.Fatalf("task %d is listed in place %d", got.ID, i)
		}
		if _, ok := d.machine().Task(got.ID); !ok {
			t.Fatalf("task %d isn't found", got.ID)
		}
	}
}

// TestCheckImport says what an import would do, and changes nothing.
func TestCheckImport(t *testing.T) {
	d := newDirect(t)
	d.enqueue(1, task.NewTask{Queue: "q"})
	c := importOf(d, pendingAgain(1), pendingAgain(2))
	before := d.machine().Hash()
	items := d.machine().CheckImport(c)
	if items[0].Code != task.TaskExists || items[1].Code != task.OK || d.machine().Hash() != before {
		t.Errorf("%+v", items)
	}
	same(t, "what it did", d.do(c)[0].Items[0], items[0])
}
