package raftfsm

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// crashDir names the data directory of a child process that works until it is killed.
const crashDir = "ROWLOCK_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		err := workUntilKilled(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workUntilKilled enqueues, leases and completes tasks, and prints what was acknowledged: "+ID" of a task that was
// enqueued, "=ID" of one that was completed.
func workUntilKilled(dir string) error {
	c := Config{
		DataDir: dir, NodeID: "n1", Bootstrap: true, Logger: slog.New(slog.DiscardHandler), MinFree: 1,
		Checkpoints: CheckpointConfig{Interval: 15 * time.Millisecond, PayloadBudget: 1000},
		Raft: RaftConfig{
			HeartbeatTimeout: 100 * time.Millisecond, ElectionTimeout: 100 * time.Millisecond, LeaderLeaseTimeout: 50 * time.Millisecond,
			TrailingLogs: minTrailing, HungDisk: time.Minute,
		},
	}
	if err := archiveUntilKilled(&c); err != nil {
		return err
	}
	n, err := Open(c)
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error, 10)
	go func() { failed <- n.Run(ctx) }()
	<-n.Ready()
	r, err := n.Propose(ctx, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	if err != nil {
		return err
	}
	session := uint64(r.Items[0].ID)
	for range 4 {
		go func() { failed <- enqueueForever(ctx, n) }()
		go func() { failed <- completeForever(ctx, n, session) }()
	}
	return <-failed
}

func enqueueForever(ctx context.Context, n *Node) error {
	for {
		r, err := n.Propose(ctx, enqueue("q", 1+rand.IntN(20)))
		if err != nil {
			return err
		}
		for _, item := range r.Items {
			fmt.Printf("+%s\n", item.ID)
		}
	}
}

func completeForever(ctx context.Context, n *Node, session uint64) error {
	for {
		r, err := n.Propose(ctx, &task.Lease{Session: session, Max: uint32(1 + rand.IntN(10))})
		if err != nil {
			return err
		}
		f := &task.Finish{}
		for _, l := range r.Leased {
			f.Outcomes = append(f.Outcomes, task.Outcome{ID: l.ID, Token: l.Token, Data: l.Payload})
		}
		if len(f.Outcomes) == 0 {
			continue
		}
		if r, err = n.Propose(ctx, f); err != nil {
			return err
		}
		for _, item := range r.Items {
			if item.Code != task.OK {
				return fmt.Errorf("complete %s: %w", item.ID, item.Code)
			}
			fmt.Printf("=%s\n", item.ID)
		}
	}
}

// TestKilled kills a process at random moments. Nothing that it acknowledged is lost, nothing that was completed is live
// again, and the state is the same however often it is loaded.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	acked := map[task.ID]bool{} // whether it was completed
	for round := range 6 {
		killRound(t, dir, time.Duration(50+rand.IntN(400))*time.Millisecond, acked)
		c := testConfig(t, dir)
		m := startReady(t, c)
		first := hashOf(m.Node)
		verifyAcked(t, m.Node, acked)
		m.close(t)
		m = startReady(t, c)
		if again := hashOf(m.Node); again != first {
			t.Fatalf("round %d: state hash %x at the next start, %x before", round, again, first)
		}
		m.close(t)
	}
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
}

func killRound(t *testing.T, dir string, after time.Duration, acked map[task.ID]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil { // it is at work
			kill = time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
		line := lines.Text()
		id, err := task.ParseID(line[1:])
		if err != nil {
			break // cut off by the kill
		}
		acked[id] = acked[id] || line[0] == '='
	}
	if err := child.Wait(); err == nil || kill == nil {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

func verifyAcked(t *testing.T, n *Node, acked map[task.ID]bool) {
	t.Helper()
	err := n.Read(t.Context(), false, func(v *View) error {
		for id, completed := range acked {
			x, ok, err := v.Task(id)
			switch {
			case err != nil:
				return err
			case !ok:
				t.Fatalf("task %s is lost", id)
			case completed && x.State != task.Completed:
				t.Fatalf("completed task %s is %s", id, x.State)
			case len(x.Payload) == 0:
				t.Fatalf("the payload of task %s is lost", id)
			case x.State == task.Completed && string(x.Result) != string(x.Payload):
				t.Fatalf("task %s has the result %q for the payload %q", id, x.Result, x.Payload)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
