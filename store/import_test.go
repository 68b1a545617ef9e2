package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestPutBack deletes a finished task, puts it back and finishes it again, with and without a checkpoint at each step: the file has
// the last life of the task, with its payload.
func TestPutBack(t *testing.T) {
	const steps = 4
	for when := range 1 << steps {
		t.Run(fmt.Sprintf("%04b", when), func(t *testing.T) {
			d := &driver{t: t, m: task.NewMachine(), s: openTest(t, t.TempDir())}
			for step, change := range []func(){
				func() {
					d.apply(&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Payload: bytes.Repeat([]byte("first"), 2000)}, {Queue: "q"}}})
				},
				func() { d.apply(&task.Cancel{IDs: []task.ID{1}}) },
				func() { d.apply(&task.DeleteFinished{Refs: []task.FinishedRef{{ID: 1, Queue: 1, Sequence: 1}}}) },
				func() { d.putBack(1, []byte("second")) },
			} {
				change()
				if when&(1<<step) != 0 {
					d.checkpoint(0)
				}
			}
			live := loadTest(t, d)
			got, _ := live.Task(1)
			payload, err := viewTest(t, d.s).Payload(1)
			must(t, err)
			if got.State != task.Pending || string(payload) != "second" {
				t.Fatalf("put back: %v with %q", got.State, payload)
			}
			d.apply(&task.Cancel{IDs: []task.ID{1}})
			loadTest(t, d)
			got, ok, err := viewTest(t, d.s).Finished(1)
			must(t, err)
			if !ok || got.HistorySequence != 2 || string(got.Payload) != "second" {
				t.Fatalf("finished again: %v, sequence %d with %q", ok, got.HistorySequence, got.Payload)
			}
		})
	}
}

// TestPutBackAtOnce finishes a task twice before anything is written.
func TestPutBackAtOnce(t *testing.T) {
	d := &driver{t: t, m: task.NewMachine(), s: openTest(t, t.TempDir())}
	d.apply(&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Payload: []byte("first")}}})
	d.apply(&task.Cancel{IDs: []task.ID{1}})
	d.apply(&task.DeleteFinished{Refs: []task.FinishedRef{{ID: 1, Queue: 1, Sequence: 1}}})
	d.putBack(1, []byte("second"))
	d.apply(&task.Cancel{IDs: []task.ID{1}})
	loadTest(t, d)
	got, ok, err := viewTest(t, d.s).Finished(1)
	must(t, err)
	if !ok || got.HistorySequence != 2 || string(got.Payload) != "second" {
		t.Fatalf("%v, sequence %d with %q", ok, got.HistorySequence, got.Payload)
	}
}

func (d *driver) putBack(id task.ID, payload []byte) {
	d.t.Helper()
	next, imports := d.m.ImportMark()
	item := d.apply(&task.ImportTasks{Next: next, Imports: imports, Tasks: []task.ImportedTask{
		{ID: id, NewTask: task.NewTask{Queue: "q", Payload: payload}, State: task.Pending},
	}}).Items[0]
	if item.Code != task.OK {
		d.t.Fatalf("put back: %v", item.Code)
	}
}

// loadTest checkpoints, and loads what was written: the state is the same.
func loadTest(t *testing.T, d *driver) *task.Machine {
	t.Helper()
	d.checkpoint(0)
	m, _, err := d.s.Load()
	must(t, err)
	if m.Hash() != d.m.Hash() {
		t.Fatalf("state hash is %x after loading, want %x", m.Hash(), d.m.Hash())
	}
	return m
}
