package process

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"
)

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRun(t *testing.T) {
	code, stdout, stderr, err := Run(limited(t), "/bin/sh", Options{
		Args: []string{"-c", `cat; echo "$ROWLOCK_ADDR" >&2; exit 3`}, Env: []string{"ROWLOCK_ADDR=here"}, Stdin: strings.NewReader("in"),
	})
	if err != nil || code != 3 || stdout != "in" || stderr != "here\n" {
		t.Errorf("code %d, stdout %q, stderr %q, error %v", code, stdout, stderr, err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, _, err := Run(ctx, "/bin/sh", Options{Args: []string{"-c", "exec sleep 60"}}); err == nil {
		t.Error("no error though the time was up")
	}
}

func TestStartNode(t *testing.T) {
	script := `echo 'level=INFO msg=starting' >&2
		echo 'time=x level=INFO msg=ready api=127.0.0.1:4001 raft=127.0.0.1:4002 http=127.0.0.1:4003' >&2
		exec sleep 60`
	n, err := StartNode(limited(t), "/bin/sh", nil, "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	if n.API != "127.0.0.1:4001" || n.Raft != "127.0.0.1:4002" || n.HTTP != "127.0.0.1:4003" {
		t.Errorf("addresses %s %s %s", n.API, n.Raft, n.HTTP)
	}
	if err := n.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := n.Wait(limited(t)); code != -1 || err != nil {
		t.Errorf("exit code %d, error %v", code, err)
	}
	if err := n.Kill(); err != nil {
		t.Errorf("kill of what has ended: %v", err)
	}
}

func TestStartNodeThatDies(t *testing.T) {
	_, err := StartNode(limited(t), "/bin/sh", nil, "-c", "echo 'no such disk' >&2; exit 1")
	if err == nil || !strings.Contains(err.Error(), "no such disk") {
		t.Errorf("error %v, want what the process said", err)
	}
}
