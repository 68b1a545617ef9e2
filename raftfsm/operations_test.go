package raftfsm

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// failing works off a queue: each task that it gets fails for good, with a text.
type failing struct {
	g       *group
	session uint64
	calls   int
}

// patient keeps a group from expiring the session of a worker that never beats.
func patient(c *Config) { c.SessionTTL = time.Hour }

func newFailing(g *group, queue string) *failing {
	open := &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: queue, Weight: 1}}}
	return &failing{g: g, session: uint64(g.insist(open).Items[0].ID)}
}

// work fails up to n tasks, and returns how many there were.
func (f *failing) work(n int, text string) int {
	f.calls++ // so that a lease whose answer is lost is given again
	lease := &task.Request{ID: fmt.Sprint("lease ", f.calls), Command: &task.Lease{Session: f.session, Max: uint32(n)}}
	leased := f.g.insist(lease).Leased
	finish := &task.Finish{}
	for _, l := range leased {
		finish.Outcomes = append(finish.Outcomes, task.Outcome{ID: l.ID, Token: l.Token, Kind: task.OutcomeFailPermanent, Data: []byte(text)})
	}
	if len(leased) > 0 {
		f.g.insist(finish)
	}
	return len(leased)
}

// bury makes n dead letters in a queue, with a text as their error, and returns their IDs.
func (f *failing) bury(queue string, n int, text string) (ids []task.ID) {
	f.g.t.Helper()
	for left := n; left > 0; left -= 1000 {
		for _, item := range f.g.insist(enqueue(queue, min(left, 1000))).Items {
			ids = append(ids, item.ID)
		}
	}
	for done := 0; done < n; {
		done += f.work(1000, text)
	}
	return ids
}

func plan(p task.OperationPlan) *task.StartOperation {
	if p.States == nil {
		p.States = []task.State{task.DeadLetter}
	}
	return &task.StartOperation{Plan: p}
}

func (g *group) operation(id task.ID) (op task.Operation) {
	g.leader().Machine(func(m *task.Machine) { op, _ = m.Operation(id) })
	return op
}

func (g *group) ended(id task.ID) task.Operation {
	g.t.Helper()
	eventually(g.t, "the operation ends", func() bool { return g.operation(id).State.Ended() })
	return g.operation(id)
}

// TestOperationSurvivesLeaders kills the leader in the middle of an operation. Each dead letter that matched was retried
// once, and none that came later or had been retried in between. A worker has all that is retried fail again, so that the
// number of a task's errors tells how often it was.
func TestOperationSurvivesLeaders(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 4_000
	}
	g := newGroup(t, 3, patient)
	f := newFailing(g, "q")
	ids := f.bury("q", n, "first")
	start := plan(task.OperationPlan{Action: task.OperationRetry, Queue: "q", Filter: `error == "first"`, Rate: uint32(n / 4)})
	op := g.insist(&task.Request{ID: "one", Command: start}).Items[0].ID
	again := g.insist(&task.Request{ID: "one", Command: start}).Items[0].ID
	if again != op {
		t.Errorf("a repeated start began operation %s beside %s", again, op)
	}
	late := f.bury("q", 50, "first")
	between := ids[n-200:]
	g.insist(&task.Request{ID: "two", Command: &task.Retry{IDs: between}})

	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for ended := false; ; {
			if f.work(1000, "second") == 0 && ended {
				return
			}
			select {
			case <-stop:
				ended = true
			default:
			}
		}
	})
	eventually(t, "a part is done", func() bool { return g.operation(op).Changed > uint64(n/10) })
	if x := g.operation(op); x.State.Ended() {
		t.Fatalf("it ended before the leader could be killed: %+v", x)
	}
	old := g.leader()
	old.network.Close() // nobody hears of it any more
	eventually(t, "another leads", func() bool { return !old.leadership.serving() })
	old.close(t)
	x := g.ended(op)
	close(stop)
	wg.Wait()
	if x.State != task.OperationDone || x.Changed != uint64(n-len(between)) || x.Failed != 0 || x.Matched != x.Changed+x.Skipped {
		t.Errorf("%+v", x)
	}
	err := g.leader().Read(t.Context(), false, func(v *View) error {
		for i, id := range append(ids, late...) {
			want := 2
			if i >= n {
				want = 1
			}
			got, _, err := v.Task(id)
			if err != nil {
				return err
			}
			if got.State != task.DeadLetter || len(got.Errors) != want {
				return fmt.Errorf("task %d of %d is %s with %d errors, want %d", i, n, got.State, len(got.Errors), want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	g.converge()
}

// TestOperationGoesOn: a leader goes on with what it finds when it begins, though nothing else happens.
func TestOperationGoesOn(t *testing.T) {
	g := newGroup(t, 1, patient)
	for rate := uint32(200); rate > 2; rate /= 4 {
		f := newFailing(g, "q")
		f.bury("q", 300, "down")
		g.insist(&task.CloseSession{Session: f.session}) // nothing is left that would time out
		op := g.insist(plan(task.OperationPlan{Action: task.OperationDelete, Rate: rate})).Items[0].ID
		g.members[0].close(t)
		g.restart(0)
		early := g.operation(op).State.Ended()
		if x := g.ended(op); x.State != task.OperationDone || x.Changed != 300 {
			t.Errorf("%+v", x)
		}
		if !early {
			return
		}
	}
	t.Error("it ended before each restart")
}

// TestOperationCanary: one task goes first; when it fails again, the others stay as they are.
func TestOperationCanary(t *testing.T) {
	g := newGroup(t, 1, patient)
	f := newFailing(g, "q")
	f.bury("q", 500, "down")
	op := g.insist(plan(task.OperationPlan{
		Action: task.OperationRetry, Queue: "q", Expected: 500, CanaryWait: time.Hour.Microseconds(), CanaryFailures: 100,
	})).Items[0].ID
	eventually(t, "it waits", func() bool { return g.operation(op).State == task.OperationWaiting })
	if x := g.operation(op); x.Changed != 1 {
		t.Errorf("%+v", x)
	}
	f.work(10, "still down")
	if x := g.ended(op); x.State != task.OperationStopped || x.Changed != 1 || x.CanaryFailed != 1 || x.CanaryTasks != 1 {
		t.Errorf("%+v", x)
	}

	op = g.insist(plan(task.OperationPlan{
		Action: task.OperationRetry, Queue: "q", Expected: 500, CanaryWait: time.Hour.Microseconds(), CanaryFailures: 100,
	})).Items[0].ID
	for _, want := range []int{1, 5, 494} { // one, one percent, the rest
		eventually(t, "the stage's tasks are retried", func() bool {
			n := 0
			g.leader().Machine(func(m *task.Machine) {
				q, _ := m.Queue("q")
				n = int(q.Live[task.Pending])
			})
			return n == want
		})
		leased := g.insist(&task.Lease{Session: f.session, Max: 1000}).Leased
		finish := &task.Finish{}
		for _, l := range leased {
			finish.Outcomes = append(finish.Outcomes, task.Outcome{ID: l.ID, Token: l.Token})
		}
		g.insist(finish)
	}
	if x := g.ended(op); x.State != task.OperationDone || x.Changed != 500 {
		t.Errorf("%+v", x)
	}
}

// TestOperationEnds: by a call, with its filter, or at the end of an empty set.
func TestOperationEnds(t *testing.T) {
	g := newGroup(t, 1, patient)
	newFailing(g, "q").bury("q", 300, "down")
	begun := time.Now()
	slow := g.insist(plan(task.OperationPlan{Action: task.OperationRetry, Rate: 1})).Items[0].ID
	g.insist(&task.AbortOperation{ID: slow})
	if x := g.operation(slow); x.State != task.OperationAborted || x.Changed > uint64(2+time.Since(begun)/time.Second) {
		t.Errorf("%+v", x)
	}
	bad := g.insist(plan(task.OperationPlan{Action: task.OperationRetry, Filter: "no_such_field == 1"})).Items[0].ID
	if x := g.ended(bad); x.State != task.OperationStopped || !strings.Contains(x.Why, "no_such_field") {
		t.Errorf("%+v", x)
	}
	none := g.insist(plan(task.OperationPlan{Action: task.OperationDelete, Queue: "elsewhere"})).Items[0].ID
	if x := g.ended(none); x.State != task.OperationDone || x.Visited != 0 {
		t.Errorf("%+v", x)
	}
	some := g.insist(plan(task.OperationPlan{Action: task.OperationDelete, Filter: `payload_bytes > 10`})).Items[0].ID
	if x := g.ended(some); x.State != task.OperationDone || x.Changed != 200 || x.Visited < 298 {
		t.Errorf("%+v", x)
	}
}

// TestOperationOnHistory deletes finished tasks, on disk and not yet, and leaves those that don't match or came later.
func TestOperationOnHistory(t *testing.T) {
	g := newGroup(t, 1, patient)
	cancelAll := func(queue string, n int) {
		c := &task.Cancel{}
		for _, item := range g.insist(enqueue(queue, n)).Items {
			c.IDs = append(c.IDs, item.ID)
		}
		g.insist(c)
	}
	cancelAll("q", 700)
	cancelAll("r", 10)
	eventually(t, "a checkpoint", func() bool { return g.leader().store.Position().Index >= g.leader().replica.at().Index })
	cancelAll("q", 700)
	op := g.insist(plan(task.OperationPlan{
		Action: task.OperationDelete, Queue: "q", States: []task.State{task.Cancelled}, Filter: `payload_bytes == 9`, // payload 0 to payload 9
	})).Items[0].ID
	cancelAll("q", 10)
	if x := g.ended(op); x.State != task.OperationDone || x.Changed != 20 || x.Matched != 20 {
		t.Errorf("%+v", x)
	}
	left := 0
	scan := Scan{States: []task.State{task.Cancelled}}
	for !scan.End {
		err := g.leader().Read(t.Context(), false, func(v *View) error {
			tasks, err := scan.Next(v)
			left += len(tasks)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if left != 1420-20 {
		t.Errorf("%d finished tasks are left", left)
	}
}
