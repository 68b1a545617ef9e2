package task_test

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

func retryDead() *task.StartOperation {
	return &task.StartOperation{Plan: task.OperationPlan{Action: task.OperationRetry, States: []task.State{task.DeadLetter}}}
}

// TestOperationBounds: so many operations may be unfinished, and so many that have ended are kept, also over a restart.
func TestOperationBounds(t *testing.T) {
	d := newDirect(t)
	var first, last task.ID
	for range maxOperations {
		last = d.do(retryDead())[0].Items[0].ID
	}
	same(t, "one too many", d.do(retryDead())[0].Code, task.TooManyOperations)
	for id := last - maxOperations + 1; id <= last; id++ {
		d.do(&task.AbortOperation{ID: id})
	}
	for range maxEndedOperations {
		id := d.do(retryDead())[0].Items[0].ID
		if first == 0 {
			first = id
		}
		d.do(&task.StepOperation{ID: id, End: true})
	}
	for _, restart := range []bool{false, true} {
		if restart {
			hash := d.machine().Hash()
			if err := d.replicas[0].checkpoint(); err != nil {
				t.Fatal(err)
			}
			if err := d.replicas[0].restart(); err != nil {
				t.Fatal(err)
			}
			same(t, "state hash after a restart", d.machine().Hash(), hash)
		}
		kept := d.machine().Operations(0, 1<<20)
		same(t, "kept", len(kept), maxEndedOperations)
		same(t, "the oldest that is kept", kept[len(kept)-1].ID, first)
	}
}

// TestOperationStepBound: a step that would change more than it may changes nothing.
func TestOperationStepBound(t *testing.T) {
	d := newDirect(t)
	d.enqueue(task.MaxOperationStep+1, task.NewTask{Queue: "q", Kind: "a"})
	id := d.do(&task.StartOperation{Plan: task.OperationPlan{Action: task.OperationCancel, States: []task.State{task.Pending}}})[0].Items[0].ID
	step := &task.StepOperation{ID: id, To: task.OperationCursor{A: task.MaxOperationStep + 1}}
	for i := range task.MaxOperationStep + 1 {
		step.Tasks = append(step.Tasks, task.OperationTask{ID: task.ID(i + 1), State: task.Pending})
	}
	same(t, "one too many", d.do(step)[0].Code, task.Invalid)
	same(t, "cancelled", d.queue("q").Cancelled, uint64(0))
	step.Tasks = step.Tasks[1:]
	same(t, "as many as may be", d.do(step)[0].Code, task.OK)
	same(t, "cancelled", d.queue("q").Cancelled, uint64(task.MaxOperationStep))
}

// TestOperationsAreOfALevel: an older member never meets what it doesn't know.
func TestOperationsAreOfALevel(t *testing.T) {
	for _, c := range []task.Command{retryDead(), &task.StepOperation{}, &task.AbortOperation{}, &task.Request{Command: retryDead()}} {
		same(t, show([]task.Command{c}), task.LevelOf(c), task.LevelFeatures)
	}
}
