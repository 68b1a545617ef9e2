package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// testLogger logs to the test with ROWLOCK_TEST_LOG set, else nowhere.
func testLogger(t testing.TB) *slog.Logger {
	w := io.Discard
	if os.Getenv("ROWLOCK_TEST_LOG") != "" {
		w = t.Output()
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// member is a node that runs in the test.
type member struct {
	*Node
	stop context.CancelFunc
	done chan struct{}
	err  error // of Run, once done
}

// close stops it in order.
func (m *member) close(t testing.TB) {
	t.Helper()
	m.stop()
	<-m.done
	if m.err != nil {
		t.Fatalf("run: %v", m.err)
	}
	m.gone(t)
}

// gone waits until a member that has ended has let go of its files: Run waits for that only for a while, as its process ends then.
func (m *member) gone(t testing.TB) {
	t.Helper()
	eventually(t, "its files are closed", func() bool {
		release, err := store.Hold(m.config.DataDir)
		if err == nil {
			err = release()
		}
		return err == nil
	})
}

// testConfig is of a member that is alone.
func testConfig(t testing.TB, dir string) Config {
	return Config{
		DataDir: dir, NodeID: "n1", Bootstrap: true, Logger: testLogger(t), MinFree: 1,
		SessionTTL: time.Hour, // no worker of the tests beats
		Raft: RaftConfig{ // who is alone can't lose the leadership, and soon has it
			HeartbeatTimeout: 100 * time.Millisecond, ElectionTimeout: 100 * time.Millisecond, LeaderLeaseTimeout: 50 * time.Millisecond,
			CommitTimeout: 10 * time.Millisecond, HungDisk: time.Minute,
		},
	}
}

// start opens and runs a node, which is stopped at the test's end if it still runs.
func start(t testing.TB, c Config) *member {
	t.Helper()
	n, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{Node: n, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		m.err = n.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-m.done
	})
	return m
}

// startReady also waits until it is ready.
func startReady(t testing.TB, c Config) *member {
	t.Helper()
	m := start(t, c)
	wait(t, m.Ready())
	return m
}

// patience is how long a test waits for what must come, on however busy a machine: for longer than any backoff.
const patience = 90 * time.Second

func wait(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("nothing happened in %s", patience)
	}
}

// pass lets time pass: in a synctest bubble that of the fake clock, elsewhere the pause between two looks at a condition.
func pass(d time.Duration) { <-time.After(d) }

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); pass(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1) // a builder takes all
			t.Fatalf("not in %s: %s. What runs:\n%s", patience, what, stacks.String())
		}
	}
}

func enqueue(queue string, n int) *task.Enqueue {
	e := &task.Enqueue{}
	for i := range n {
		e.Tasks = append(e.Tasks, task.NewTask{Queue: queue, Kind: "k", Payload: fmt.Appendf(nil, "payload %d", i), Priority: 5})
	}
	return e
}

// propose proposes and insists. A node that doesn't lead for a moment has executed nothing.
func propose(t testing.TB, n *Node, c task.Command) (r task.Result) {
	t.Helper()
	var err error
	eventually(t, "it leads", func() bool {
		var other *NotLeaderError
		r, err = n.Propose(t.Context(), c)
		return !errors.As(err, &other)
	})
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	if err := r.Code.Err(); err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return r
}

func hashOf(n *Node) uint64 {
	_, hash := stateOf(n)
	return hash
}

// stateOf returns the last entry that changed the state, and the state's hash.
func stateOf(n *Node) (index, hash uint64) {
	n.replica.mu.Lock()
	defer n.replica.mu.Unlock()
	return n.replica.position.Index, n.replica.machine.Hash()
}

func TestProposeReadRestart(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	ids := propose(t, m.Node, enqueue("q", 100)).Items
	for i, item := range ids {
		if item.Code != task.OK {
			t.Fatalf("task %d: %v", i, item.Code)
		}
	}
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	leased := propose(t, m.Node, &task.Lease{Session: session, Max: 10}).Leased
	if len(leased) != 10 || string(leased[3].Payload) != "payload 3" {
		t.Fatalf("leased %d: %+v", len(leased), leased)
	}
	propose(t, m.Node, &task.Finish{Outcomes: []task.Outcome{{ID: leased[0].ID, Token: leased[0].Token, Data: []byte("done")}}})
	check := func(n *Node) {
		t.Helper()
		err := n.Read(t.Context(), false, func(v *View) error {
			for i, item := range ids {
				x, ok, err := v.Task(item.ID)
				if err != nil || !ok || string(x.Payload) != fmt.Sprintf("payload %d", i) {
					t.Errorf("task %d: %v %v %+v", i, ok, err, x)
				}
			}
			x, _, _ := v.Task(ids[0].ID)
			if x.State != task.Completed || string(x.Result) != "done" {
				t.Errorf("finished task: %+v", x)
			}
			q, _ := v.Queue("q")
			if q.Live[task.Running] != 9 || q.Live[task.Pending] != 90 || q.Completed != 1 {
				t.Errorf("queue: %+v", q)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check(m.Node)
	before := hashOf(m.Node)
	m.close(t)
	for range 2 {
		m = startReady(t, c)
		check(m.Node)
		if after := hashOf(m.Node); after != before {
			t.Fatalf("state hash %x after the restart, %x before", after, before)
		}
		m.close(t)
	}
}
