package task_test

import (
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// direct drives a machine without the model, where the model would be too slow.
type direct struct {
	*group
	t *testing.T
}

func newDirect(t *testing.T) *direct {
	return &direct{&group{clock: start, replicas: []*replica{newReplica()}}, t}
}

func (d *direct) machine() *task.Machine { return d.replicas[0].machine }

func (d *direct) do(commands ...task.Command) []task.Result {
	d.t.Helper()
	_, entry := d.encode(commands)
	results, _, err := d.replicas[0].apply(1, entry)
	if err != nil {
		d.t.Fatalf("apply: %v", err)
	}
	return results
}

func (d *direct) enqueue(n int, of task.NewTask) {
	d.t.Helper()
	c := &task.Enqueue{Tasks: make([]task.NewTask, n)}
	for i := range c.Tasks {
		c.Tasks[i] = of
	}
	for _, item := range d.do(c)[0].Items {
		if item.Code != task.OK {
			d.t.Fatalf("enqueue: %v", item.Code)
		}
	}
}

func (d *direct) queue(name string) task.Queue {
	d.t.Helper()
	q, ok := d.machine().Queue(name)
	if !ok {
		d.t.Fatalf("no queue %s", name)
	}
	return q
}

// settle proposes Ticks as long as one is due at once; none may change more tasks of queue q than the bound.
func (d *direct) settle() {
	d.t.Helper()
	for range 100 {
		at, ok := d.machine().NextTimer()
		if !ok || at > d.clock {
			return
		}
		before := d.queue("q").Live
		d.do(&task.Tick{})
		for s, n := range d.queue("q").Live {
			if n := max(n, before[s]) - min(n, before[s]); n > maxTransitions {
				d.t.Fatalf("a Tick made %d transitions, the bound is %d", n, maxTransitions)
			}
		}
	}
	d.t.Fatalf("a Tick is still due after 100 of them")
}

// TestTickIsBounded has more due at a moment than one Tick may do; restarts in between lose nothing.
func TestTickIsBounded(t *testing.T) {
	const n = 3*maxTransitions + 5
	plain := task.NewTask{Queue: "q", Kind: "a"}
	delayed, mortal := plain, plain
	delayed.Delay, mortal.TTL = second, second
	child := plain
	child.DependsOn = []task.ID{1}
	stories := []struct {
		name  string
		begin func(*direct)
		end   [8]uint64 // by state
	}{
		{"scheduled", func(d *direct) { d.enqueue(n, delayed); d.clock += second }, [8]uint64{task.Pending: n}},
		{"expired", func(d *direct) { d.enqueue(n, mortal); d.clock += second }, [8]uint64{task.DeadLetter: n}},
		{"purged", func(d *direct) { d.enqueue(n, plain); d.do(&task.PurgeQueue{Queue: "q"}) }, [8]uint64{}},
		{"batch cancelled", func(d *direct) {
			member := plain
			member.Batch = d.do(&task.CreateBatch{})[0].Items[0].ID
			d.enqueue(n, member)
			d.enqueue(7, plain)
			d.do(&task.CancelBatch{ID: member.Batch})
		}, [8]uint64{task.Pending: 7}},
		{"parent cancelled", func(d *direct) {
			d.enqueue(1, plain)
			d.enqueue(n, child)
			d.do(&task.Cancel{IDs: []task.ID{1}})
		}, [8]uint64{task.DeadLetter: n}},
		{"parent completed", func(d *direct) {
			d.enqueue(1, plain)
			d.enqueue(n, child)
			d.do(&task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}, &task.Lease{Session: 1, Max: 1})
			d.do(&task.Finish{Outcomes: []task.Outcome{{ID: 1, Token: 1}}})
		}, [8]uint64{task.Pending: n}},
	}
	for _, story := range stories {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", story.name, restart), func(t *testing.T) {
				d := newDirect(t)
				story.begin(d)
				if restart {
					d.do(&task.Tick{})
					if err := d.replicas[0].checkpoint(); err != nil {
						t.Fatal(err)
					}
					if err := d.replicas[0].restart(); err != nil {
						t.Fatal(err)
					}
				}
				d.settle()
				same(t, "live tasks by state", d.queue("q").Live, story.end)
			})
		}
	}
}

// TestProducerWindow keeps the answers of 1,024 sequences.
func TestProducerWindow(t *testing.T) {
	d := newDirect(t)
	d.do(&task.OpenProducer{Name: "p"})
	call := func(sequence uint64) task.Result {
		return d.do(&task.Enqueue{Producer: 1, Sequence: sequence, Tasks: []task.NewTask{{Queue: "q", Kind: "a"}}})[0]
	}
	for s := range uint64(producerWindow + 1) {
		if r := call(s + 1); r.Code != task.OK {
			t.Fatalf("sequence %d: %v", s, r.Code)
		}
	}
	same(t, "the sequence that fell out", call(1).Code, task.SequenceForgotten)
	same(t, "the oldest that is kept", call(2).Items[0].ID, task.ID(2))
	same(t, "tasks", d.machine().LiveTasks(), uint64(producerWindow+1))
}

// TestQueueBound refuses the queue beyond the bound, and goes on with those that are there.
func TestQueueBound(t *testing.T) {
	const most = 10_000
	d := newDirect(t)
	c := &task.Enqueue{}
	for i := range most + 1 {
		c.Tasks = append(c.Tasks, task.NewTask{Queue: fmt.Sprintf("q%d", i), Kind: "a"})
	}
	items := d.do(c)[0].Items
	same(t, "the last queue that fits", items[most-1].Code, task.OK)
	same(t, "one queue too many", items[most].Code, task.TooManyQueues)
	same(t, "a queue that is there", d.do(&task.Enqueue{Tasks: c.Tasks[:1]})[0].Items[0].Code, task.OK)
	same(t, "a setting", d.do(&task.SetQueue{Queue: "another"})[0].Code, task.TooManyQueues)
}

// TestRetention drops history by age and by number, in blocks.
func TestRetention(t *testing.T) {
	const n = 10_000
	finishAll := func(d *direct) {
		d.enqueue(n, task.NewTask{Queue: "q", Kind: "a", Payload: make([]byte, 100)})
		var ids []task.ID
		for i := range n {
			ids = append(ids, task.ID(i+1))
		}
		d.do(&task.Cancel{IDs: ids})
	}
	kept := func(d *direct) uint64 { h := d.queue("q").History; return h.Next - h.First }

	d := newDirect(t)
	finishAll(d)
	same(t, "kept at first", kept(d), uint64(n))
	d.clock += day - 1
	d.do(&task.Tick{})
	same(t, "kept before a day is over", kept(d), uint64(n))
	d.clock += 2
	d.settle()
	d.do(&task.Tick{})
	d.settle()
	if k := kept(d); k >= historyBlock {
		t.Errorf("after a day %d tasks are kept, want less than a block", k)
	}

	for name, limit := range map[string]task.QueueSettings{
		"tasks": {RetentionTasks: 3000},
		"bytes": {RetentionBytes: 1 << 19},
	} {
		d := newDirect(t)
		d.do(&task.SetQueue{Queue: "q", Fields: task.FieldRetentionTasks | task.FieldRetentionBytes, Settings: limit})
		finishAll(d)
		d.do(&task.Tick{})
		h := d.queue("q").History
		if k := kept(d); name == "tasks" && (k < 3000 || k > 3000+historyBlock) {
			t.Errorf("%d tasks are kept, want 3000 within a block", k)
		}
		if k := kept(d); name == "bytes" && (h.Bytes > 1<<19+historyBlock*500 || k == n || k == 0) {
			t.Errorf("%d bytes are kept in %d tasks, want %d within a block", h.Bytes, k, 1<<19)
		}
	}
}
