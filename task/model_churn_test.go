package task_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// churn is a crowd of tasks that come and go, to make the machine's slabs, arenas and indexes grow, shrink and reuse
// what they have. A payload tells its task's number, so that one that gets mixed up is found.
type churn struct {
	*direct
	random *rand.Rand
	made   uint64
	leased []task.Leased
}

// churnPayload is of any length that has a size class of its own somewhere.
func churnPayload(n uint64) []byte {
	length := int(8 + n*2654435761%3000>>(n%7))
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), length/8)
}

func (c *churn) enqueue() {
	e := &task.Enqueue{}
	for range c.random.IntN(200) {
		c.made++
		n := task.NewTask{
			Queue: fmt.Sprint("q", c.random.IntN(5)), Kind: fmt.Sprint("k", c.random.IntN(20)), Payload: churnPayload(c.made),
			Priority: uint8(c.random.IntN(10)), MaxAttempts: 2, TraceContext: fmt.Sprint(c.made),
			Labels: []task.Label{{Key: "n", Value: fmt.Sprint(c.made)}},
		}
		if c.random.IntN(5) == 0 {
			n.Delay = c.random.Int64N(60 * second)
		}
		e.Tasks = append(e.Tasks, n)
	}
	c.all(e)
}

// all applies an entry to every replica and checks the first one's leases.
func (c *churn) all(commands ...task.Command) []task.Result {
	c.t.Helper()
	_, entry := c.encode(commands)
	var first []task.Result
	for i, r := range c.replicas {
		results, _, err := r.apply(1, entry)
		if err == nil {
			err = r.hydrateLeased(results)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if i == 0 {
			first = results
		} else {
			same(c.t, fmt.Sprintf("results of replica %d", i), results, first)
		}
	}
	return first
}

func (c *churn) lease(most uint32) {
	for _, l := range c.all(&task.Lease{Session: 1, Max: most})[0].Leased {
		var n uint64
		if _, err := fmt.Sscan(l.TraceContext, &n); err != nil {
			c.t.Fatal(err)
		}
		if !bytes.Equal(l.Payload, churnPayload(n)) || l.Labels[0].Value != l.TraceContext {
			c.t.Fatalf("task %d, number %d: payload %.20x, labels %v", l.ID, n, l.Payload, l.Labels)
		}
		c.leased = append(c.leased, l)
	}
}

// finish ends up to the given number of leases in some way.
func (c *churn) finish(most int) {
	f := &task.Finish{}
	for range min(most, len(c.leased)) {
		i := c.random.IntN(len(c.leased))
		l := c.leased[i]
		c.leased[i] = c.leased[len(c.leased)-1]
		c.leased = c.leased[:len(c.leased)-1]
		o := task.Outcome{ID: l.ID, Token: l.Token, Data: []byte(l.TraceContext)}
		if c.random.IntN(4) == 0 {
			o.Kind = task.OutcomeKind(1 + c.random.IntN(4))
		}
		f.Outcomes = append(f.Outcomes, o)
	}
	c.all(f)
}

// cleanUp cancels the oldest live tasks but a few.
func (c *churn) cleanUp() {
	c.leased = nil
	tasks, _ := c.machine().List(task.ListFilter{Limit: 1 << 20, Scan: 1 << 20})
	cancel := &task.Cancel{}
	for _, t := range tasks {
		if c.random.IntN(50) > 0 {
			cancel.IDs = append(cancel.IDs, t.ID)
		}
	}
	c.all(cancel)
}

// TestChurn has three replicas that save and load at different moments while tens of thousands of tasks come and go.
func TestChurn(t *testing.T) {
	c := &churn{direct: newDirect(t), random: rand.New(rand.NewPCG(1, 2))}
	c.replicas = append(c.replicas, newReplica(), newReplica())
	open := &task.OpenSession{Worker: "w1"}
	for i := range 5 {
		open.Queues = append(open.Queues, task.QueueWeight{Queue: fmt.Sprint("q", i), Weight: uint16(i + 1)})
	}
	c.all(open)
	steps := 200
	if testing.Short() {
		steps = 100
	}
	for step := range steps {
		c.clock += c.random.Int64N(2 * second)
		c.enqueue()
		c.lease(uint32(c.random.IntN(250)))
		c.finish(c.random.IntN(250))
		c.all(&task.Tick{})
		for i, r := range c.replicas[1:] {
			if err := r.checkpointStep(c.random.IntN(300), []int{0, 100_000}[i]); err != nil {
				t.Fatal(err)
			}
		}
		if step%40 == 39 {
			if err := c.replicas[1].restart(); err != nil {
				t.Fatal(err)
			}
			c.cleanUp()
		}
		if step%10 == 0 {
			for _, r := range c.replicas[1:] {
				same(t, "state hash", r.machine.Hash(), c.machine().Hash())
				same(t, "live tasks", r.machine.LiveTasks(), c.machine().LiveTasks())
			}
		}
	}
}
