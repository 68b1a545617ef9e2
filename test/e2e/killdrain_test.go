package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// start begins a command against the node; it is killed when the test ends.
func start(t *testing.T, n *process.Node, args ...string) *process.Process {
	t.Helper()
	p, err := process.Start(binary, process.Options{Args: args, Env: []string{"ROWLOCK_ADDR=" + n.API}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, p) })
	return p
}

// TestKilledDrain kills a waiting drain, and then the server: the worker goes on draining, and leaves when it is done.
func TestKilledDrain(t *testing.T) {
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	begun, open := filepath.Join(t.TempDir(), "begun"), filepath.Join(t.TempDir(), "open")
	w := work(t, n, "--queues", "q", "--name", "w", "--exec", script(t, fmt.Sprintf("echo >>'%s'\nuntil [ -e '%s' ]; do sleep 0.05; done\n", begun, open)))
	running := enqueue(t, c, "q", "1")
	untilLines(t, begun, 1)
	drain := start(t, n, "workers", "drain", "w", "--wait")
	draining := func(context.Context) (bool, error) {
		code, stdout, stderr := rowlock(t, n, "workers", "get", "w", "-o", "json")
		return code == 0 && strings.Contains(stdout, `"draining"`), errors.New(stdout + stderr)
	}
	eventually(t, "it drains", draining)
	kill(t, drain)
	kill(t, n.Process)
	n = serve(t, dir, n)
	eventually(t, "it drains still", draining)
	after := enqueue(t, c, "q", "2")
	again := start(t, n, "workers", "drain", "w", "--wait")
	touch(t, open)
	until(t, c, running, "it is done", isState(client.Completed))
	if code, err := w.Wait(limited(t)); err != nil || code != 0 {
		t.Errorf("the worker: exit code %d, %v: %s", code, err, w.Stderr)
	}
	if code, err := again.Wait(limited(t)); err != nil || code != 0 && code != 3 { // 3: the worker had left before it asked
		t.Errorf("the next drain: exit code %d, %v: %s", code, err, again.Stderr)
	}
	if got, err := c.Get(limited(t), after); err != nil || got.State != client.Pending {
		t.Errorf("the task of after the drain: %+v, %v", got, err)
	}
	if code, _, stderr := rowlock(t, n, "workers", "drain", "w"); code != 3 {
		t.Errorf("once it has left: exit code %d: %s", code, stderr)
	}
}

// TestKilledResume kills 'cluster resume' at random moments: the cluster is suspended, or it isn't, and the next one says which.
func TestKilledResume(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	enqueue(t, connect(t, n), "q", "1")
	file := filepath.Join(t.TempDir(), "full.rowlock")
	must(t, n, "backup", "save", "--to", file)
	rounds := 3
	if !testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		must(t, n, "backup", "restore", "--from", file, "--yes")
		resume := start(t, n, "cluster", "resume", "--yes")
		pause(t.Context(), time.Duration(rand.IntN(120))*time.Millisecond)
		kill(t, resume)
		s, err := statusOf(t, n)
		if err != nil {
			t.Fatal(err)
		}
		out := must(t, n, "cluster", "resume", "--yes")
		// The killed one's call may come to its end between the two looks.
		if resumed := !strings.Contains(out, "not suspended"); resumed && s.SuspendedSince == "" {
			t.Errorf("round %d: %+v, and then: %s", round, s, out)
		}
		if s, err := statusOf(t, n); err != nil || s.SuspendedSince != "" || s.LiveTasks != 1 {
			t.Errorf("round %d: %+v, %v", round, s, err)
		}
	}
}
