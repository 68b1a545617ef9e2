package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

// chain is a graph whose tasks wait one for the other.
func chain(n int) *task.EnqueueGraph {
	c := &task.EnqueueGraph{Tasks: make([]task.NewTask, n)}
	for i := range c.Tasks {
		c.Tasks[i] = task.NewTask{Queue: "q", Kind: "a"}
		if i > 0 {
			c.Tasks[i].Edges = []task.Edge{{Member: uint32(i)}}
		}
	}
	return c
}

// TestCancelIsBounded cancels more workflows than one Tick may; a restart in between loses nothing.
func TestCancelIsBounded(t *testing.T) {
	const workflows = 9
	d := newDirect(t)
	for range workflows {
		d.do(chain(task.MaxGraphTasks))
	}
	for id := task.ID(1); id < workflows*task.MaxGraphTasks; id += task.MaxGraphTasks {
		if r := d.do(&task.CancelWorkflow{ID: id})[0]; r.Items[0].Other != task.MaxGraphTasks {
			t.Fatalf("workflow %v: %+v", id, r)
		}
	}
	d.do(&task.Tick{})
	if n := d.queue("q").Cancelled; n != maxTransitions {
		t.Errorf("one Tick cancelled %d tasks", n)
	}
	if err := d.replicas[0].checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := d.replicas[0].restart(); err != nil {
		t.Fatal(err)
	}
	d.settle()
	if q := d.queue("q"); q.Cancelled != workflows*task.MaxGraphTasks || q.DeadLettered != 0 {
		t.Errorf("%d tasks were cancelled, %d died", q.Cancelled, q.DeadLettered)
	}
	for _, w := range d.machine().Workflows(0, 100) {
		if w.Cancelling || !w.Cancelled || w.Counts.Cancelled != task.MaxGraphTasks || w.EndedAt == 0 {
			t.Errorf("workflow %+v", w)
		}
	}
}

// TestGraphBounds: what is too large is refused as a whole.
func TestGraphBounds(t *testing.T) {
	const most = 100_000
	d := newDirect(t)
	for _, n := range []int{0, task.MaxGraphTasks + 1} {
		if r := d.do(chain(n))[0]; r.Code != task.Invalid {
			t.Errorf("a graph of %d tasks: %v", n, r.Code)
		}
	}
	for range most {
		if r := d.do(chain(1))[0]; r.Code != task.OK {
			t.Fatal(r.Code)
		}
	}
	if r := d.do(chain(1))[0]; r.Code != task.TooManyWorkflows {
		t.Errorf("one workflow more than the bound: %v", r.Code)
	}
	d.do(&task.Cancel{IDs: []task.ID{1}})
	d.clock += day
	d.do(&task.Tick{})
	if r := d.do(chain(1))[0]; r.Code != task.OK {
		t.Errorf("when one has been forgotten: %v", r.Code)
	}
}

// TestParentResultsAreBounded: a task gets its parents' results as long as they are 256 KiB together; all are kept.
func TestParentResultsAreBounded(t *testing.T) {
	d := newDirect(t)
	d.do(&task.RaiseFeatureLevel{Level: task.SupportedLevel}, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	const parents = 6
	c := &task.EnqueueGraph{}
	last := task.NewTask{Queue: "q"}
	for i := range parents {
		c.Tasks = append(c.Tasks, task.NewTask{Queue: "q"})
		last.Edges = append(last.Edges, task.Edge{Member: uint32(i + 1)})
	}
	c.Tasks = append(c.Tasks, last)
	d.do(c)
	done := &task.Finish{}
	for i, it := range d.do(&task.Lease{Session: 1, Max: parents})[0].Items {
		size := 60 << 10
		if i == parents-1 {
			size = 16 << 10 // it has room behind those that have none
		}
		done.Outcomes = append(done.Outcomes, task.Outcome{ID: it.ID, Token: it.Other, Data: make([]byte, size)})
	}
	d.do(done)
	if err := d.replicas[0].checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := d.replicas[0].restart(); err != nil {
		t.Fatal(err)
	}
	d.do(&task.Tick{})
	got := d.do(&task.Lease{Session: 1, Max: 1})[0].Leased[0].Parents
	for i, p := range got {
		if omitted := i == 4; p.State != task.Completed || p.Omitted != omitted || (len(p.Result) == 0) != omitted {
			t.Errorf("parent %d: %v, %d bytes, omitted %v", i, p.State, len(p.Result), p.Omitted)
		}
	}
	if len(got) != parents {
		t.Errorf("%d parents", len(got))
	}
}
