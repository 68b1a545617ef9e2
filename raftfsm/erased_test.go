package raftfsm

import (
	"fmt"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// TestDeletedHistoryIsNotServed: a finished task that was deleted is gone for readers at once, whether its history is in
// memory, on disk, or its deletion is being written.
func TestDeletedHistoryIsNotServed(t *testing.T) {
	c := testConfig(t, t.TempDir())
	c.Checkpoints.Interval = time.Hour
	m := startReady(t, c)
	session := uint64(propose(t, m.Node, &task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	propose(t, m.Node, enqueue("q", 2))
	leased := propose(t, m.Node, &task.Lease{Session: session, Max: 2}).Leased
	f := &task.Finish{}
	for _, l := range leased {
		f.Outcomes = append(f.Outcomes, task.Outcome{ID: l.ID, Token: l.Token})
	}
	propose(t, m.Node, f)
	gone, kept := leased[0].ID, leased[1].ID
	check := func(when string) {
		t.Helper()
		err := m.Read(t.Context(), false, func(v *View) error {
			if _, ok, err := v.Task(gone); ok || err != nil {
				return fmt.Errorf("deleted task: found %v, %w", ok, err)
			}
			if _, ok, err := v.Task(kept); !ok || err != nil {
				return fmt.Errorf("kept task: found %v, %w", ok, err)
			}
			up, err := v.FinishedFrom(1, 0, 10)
			if err != nil {
				return err
			}
			down, err := v.FinishedBefore(1, 0, 10)
			if err != nil {
				return err
			}
			if len(up) != 1 || len(down) != 1 || up[0].ID != kept || down[0].ID != kept {
				return fmt.Errorf("listed %d and %d tasks, want the kept one", len(up), len(down))
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	if err := m.checkpoints.take(nil); err != nil {
		t.Fatal(err)
	}
	propose(t, m.Node, &task.DeleteFinished{Refs: []task.FinishedRef{{ID: gone, Queue: 1, Sequence: 1}}})
	check("before the checkpoint")
	m.replica.mu.Lock()
	m.replica.machine.Freeze()
	for !m.replica.machine.Capture(captureStep) {
	}
	m.replica.mu.Unlock()
	check("while the deletion is being written")
	at := m.replica.at()
	m.checkpoints.cycle.Lock()
	m.checkpoints.pending = &at
	err := m.checkpoints.commit()
	m.checkpoints.cycle.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	check("after the checkpoint")
}
