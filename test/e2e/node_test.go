package e2e

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// patience is how long anything may take that should happen soon. It is long, so that a busy machine fails no test.
const patience = 60 * time.Second

// limited is the test's context with an end.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve starts a member of a group of one on the data directory; it is killed when the test ends. The addresses of an
// earlier run are used again.
func serve(t *testing.T, dir string, before *process.Node, flags ...string) *process.Node {
	t.Helper()
	args := append([]string{"server", "--data-dir", dir, "--bootstrap-expect", "1"}, flags...)
	n, err := process.StartNode(limited(t), binary, before, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill(t, n.Process)
		if t.Failed() {
			t.Logf("the server said:\n%s", n.Stderr)
		}
	})
	return n
}

func kill(t *testing.T, p *process.Process) {
	t.Helper()
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
}

// stop ends a process in the orderly way.
func stop(t *testing.T, p *process.Process) {
	t.Helper()
	signal(t, p, syscall.SIGTERM)
	if code, err := p.Wait(limited(t)); err != nil || code != 0 {
		t.Errorf("exit code %d after SIGTERM, error %v\n%s", code, err, p.Stderr)
	}
}

func signal(t *testing.T, p *process.Process, s syscall.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// connect returns a client of the node.
func connect(t *testing.T, n *process.Node) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: []string{n.API}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// rowlock runs a command against the node and returns its exit code and output.
func rowlock(t *testing.T, n *process.Node, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	code, stdout, stderr, err := process.Run(limited(t), binary, process.Options{Args: args, Env: []string{"ROWLOCK_ADDR=" + n.API}})
	if err != nil {
		t.Fatal(err)
	}
	return code, stdout, stderr
}

// must runs a command that has to succeed and returns what it printed.
func must(t *testing.T, n *process.Node, args ...string) string {
	t.Helper()
	code, stdout, stderr := rowlock(t, n, args...)
	if code != 0 {
		t.Fatalf("rowlock %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// work starts `rowlock worker`; it is killed when the test ends.
func work(t *testing.T, n *process.Node, args ...string) *process.Process {
	t.Helper()
	w, err := process.Start(binary, process.Options{Args: append([]string{"worker"}, args...), Env: []string{"ROWLOCK_ADDR=" + n.API}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill(t, w)
		if t.Failed() {
			t.Logf("the worker said:\n%s", w.Stderr)
		}
	})
	return w
}

// enqueue enqueues one task.
func enqueue(t *testing.T, c *client.Client, queue, payload string, options ...client.Option) string {
	t.Helper()
	receipt, err := c.Enqueue(limited(t), client.Raw("", []byte(payload)), append(options, client.Queue(queue))...)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.ID
}

// until polls the task until the condition holds, and returns it.
func until(t *testing.T, c *client.Client, id, what string, holds func(*client.TaskInfo) bool) *client.TaskInfo {
	t.Helper()
	var task *client.TaskInfo
	eventually(t, what, func(ctx context.Context) (bool, error) {
		var err error
		task, err = c.Get(ctx, id)
		return err == nil && holds(task), err
	})
	return task
}

// eventually polls the condition until it holds. The last error is told when it doesn't.
func eventually(t *testing.T, what string, holds func(context.Context) (bool, error)) {
	t.Helper()
	ctx := limited(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := holds(ctx)
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s; the last error was %v", what, err)
		}
	}
}

// isState is a condition for until.
func isState(s client.State) func(*client.TaskInfo) bool {
	return func(task *client.TaskInfo) bool { return task.State == s }
}
