package task_test

import (
	"slices"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestCallbacksAreBounded ends more batches with one command than callbacks are enqueued at its end: the next Tick enqueues the
// rest, also after a restart, and before the batches' time is over.
func TestCallbacksAreBounded(t *testing.T) {
	const n = 300
	d := newDirect(t)
	done := &task.NewTask{Queue: "q", Kind: "done"}
	var ids []task.ID
	for range n {
		id := d.do(&task.CreateBatch{Callbacks: [3]*task.NewTask{done, nil, done}})[0].Items[0].ID
		ids = append(ids, d.do(&task.Enqueue{Tasks: []task.NewTask{{Queue: "work", Batch: id}}})[0].Items[0].ID)
		d.do(&task.CloseBatch{ID: id})
	}
	d.do(&task.Cancel{IDs: ids})
	if got := d.queue("q").Live[task.Pending]; got != 256 {
		t.Fatalf("%d callbacks were enqueued at once, want 256", got)
	}
	if err := d.replicas[0].checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := d.replicas[0].restart(); err != nil {
		t.Fatal(err)
	}
	d.clock += 2 * day
	d.settle()
	if got := d.queue("q").Live[task.Pending]; got != n {
		t.Errorf("%d callbacks were enqueued in the end, want %d", got, n)
	}
	d.clock += day
	d.settle()
	if got := d.machine().Batches(0, 10); len(got) != 0 {
		t.Errorf("%d batches are left after their time", len(got))
	}
}

// TestBatchesAreBounded: there are not more than so many, nor more than so large ones; what one leaves another may take.
func TestBatchesAreBounded(t *testing.T) {
	d := newDirect(t)
	large := &task.NewTask{Queue: "q", Payload: make([]byte, task.MaxBatchCallbackBytes)}
	for name, c := range map[string]*task.NewTask{
		"too large": large, "in a batch": {Queue: "q", Batch: 1}, "depends": {Queue: "q", DependsOn: []task.ID{1}}, "a retry": {Queue: "q", RetryOf: 1},
	} {
		if got := d.do(&task.CreateBatch{Callbacks: [3]*task.NewTask{c}})[0].Code; got != task.Invalid {
			t.Errorf("a callback that is %s: %v", name, got)
		}
	}
	const most = 100_000
	create := slices.Repeat([]task.Command{&task.CreateBatch{}}, 1000)
	for range most / len(create) {
		for _, r := range d.do(create...) {
			if r.Code != task.OK {
				t.Fatal(r.Code)
			}
		}
	}
	if got := d.do(&task.CreateBatch{})[0].Code; got != task.TooManyBatches {
		t.Errorf("one too many: %v", got)
	}
	d.do(&task.CloseBatch{ID: 7})
	d.clock += day
	d.do(&task.Tick{})
	if got := d.do(&task.CreateBatch{}, &task.CreateBatch{}); got[0].Code != task.OK || got[1].Code != task.TooManyBatches {
		t.Errorf("after one has gone: %v, %v", got[0].Code, got[1].Code)
	}
	large.Payload = large.Payload[:len(large.Payload)-64]
	d = newDirect(t)
	for n := 1; ; n++ {
		code := d.do(&task.CreateBatch{Callbacks: [3]*task.NewTask{large}})[0].Code
		if code == task.TooManyBatches && n > 4096 {
			break
		}
		if code != task.OK || n > 4200 {
			t.Fatalf("large batch %d: %v", n, code)
		}
	}
}

// TestBatchesAreOfALevel: what an older version doesn't know is proposed from the level on only.
func TestBatchesAreOfALevel(t *testing.T) {
	for _, c := range []task.Command{
		&task.CreateBatch{}, &task.CloseBatch{}, &task.CancelBatch{}, &task.Enqueue{Tasks: []task.NewTask{{Queue: "q"}, {Queue: "q", Batch: 1}}},
		&task.Request{Command: &task.CreateBatch{}},
	} {
		if got := task.LevelOf(c); got != 3 {
			t.Errorf("%T is of level %d", c, got)
		}
	}
}
