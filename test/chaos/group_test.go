package main

import (
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// TestExcuse: a member that has ended by itself is a breach, unless it was right to.
func TestExcuse(t *testing.T) {
	g, err := newGroup("/bin/sh", t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer g.ports.Release()
	n, err := process.StartNode(t.Context(), g.binary, nil, "-c", "echo 'level=INFO msg=ready api=127.0.0.1:1 raft=127.0.0.1:2 http=127.0.0.1:3' >&2")
	if err != nil {
		t.Fatal(err)
	}
	g.nodes[0] = n
	<-n.Exited()
	if g.alive() == nil {
		t.Error("nobody noticed that it has ended")
	}
	g.excuse(0)
	if err := g.alive(); err != nil {
		t.Error(err)
	}
	if err := g.kill(0); err != nil {
		t.Error(err)
	}
}
