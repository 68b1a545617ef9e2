package raftfsm

import (
	"context"
	"os"
	"testing"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// TestCheckAtWork checks a member while tasks are enqueued, then one whose state file lost a task, and one whose memory isn't what
// it wrote.
func TestCheckAtWork(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if _, err := m.Propose(context.Background(), enqueue("mail", 20)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 5 {
		var phases []string
		r, err := m.Check(t.Context(), func(phase string) { phases = append(phases, phase) })
		if err != nil || !r.Sound() || !r.Loaded || r.NodeID != "n1" || r.LogEntries == 0 || len(phases) < 5 {
			t.Fatalf("%+v, phases %v, %v", r, phases, err)
		}
	}
	stop()
	<-ended
	left, err := os.ReadDir(store.Dir(c.DataDir).Incoming())
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if r, err := m.Check(t.Context(), func(string) {}); err != nil || !r.Sound() {
		t.Fatalf("%+v, %v", r, err)
	}
	m.replica.mu.Lock()
	_, _, err = m.replica.machine.Apply(1, task.AppendCommand(task.AppendHeader(nil, task.Header{Time: 1}), &task.OpenProducer{}), false)
	m.replica.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := m.Check(t.Context(), func(string) {}); err != nil || r.Total != 1 || r.Findings[0].File != "memory" {
		t.Errorf("a state that changed behind the log: %+v, %v", r, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Check(gone, func(string) {}); err == nil {
		t.Error("a check whose caller has gone goes on")
	}
}
