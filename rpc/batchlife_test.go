package rpc

import (
	"testing"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// TestCallbackIsTriedAgain: a callback whose queue is full, or whose unique key is taken, says so, and is enqueued when there is room.
func TestCallbackIsTriedAgain(t *testing.T) {
	m := start(t)
	m.set("ops", &pb.QueueSettings{MaxTasks: 1})
	in := m.enqueue(&pb.NewTask{Queue: "ops", UniqueKey: "report"})[0]
	b := m.createBatch(&pb.CreateBatchRequest{
		OnSuccess: &pb.NewTask{Queue: "ops", UniqueKey: "report"}, OnComplete: &pb.NewTask{Queue: "ops"},
	})
	out, err := m.batches.CloseBatch(m.ctx(), &pb.CloseBatchRequest{Id: b.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	taken, full := out.GetBatch().GetOnSuccess(), out.GetBatch().GetOnComplete()
	if taken.GetState() != pb.BatchCallback_retrying || taken.GetError().GetReason() != "unique_taken" || taken.GetTaskId() != in || taken.GetNextAt() == nil {
		t.Errorf("whose key is taken: %v", taken)
	}
	if full.GetState() != pb.BatchCallback_retrying || full.GetError().GetReason() != "queue_full" || full.GetRefusals() == 0 || full.GetNextAt() == nil {
		t.Errorf("whose queue is full: %v", full)
	}
	if _, err := m.tasks.CancelTasks(m.ctx(), &pb.CancelTasksRequest{Ids: []string{in}}); err != nil {
		t.Fatal(err)
	}
	var first *pb.BatchCallback
	m.until("the first is enqueued", func() bool {
		b = m.batch(b.GetId())
		for _, c := range []*pb.BatchCallback{b.GetOnSuccess(), b.GetOnComplete()} {
			if c.GetState() == pb.BatchCallback_enqueued {
				first = c
			}
		}
		return first != nil
	})
	m.set("ops", &pb.QueueSettings{MaxTasks: 2})
	m.until("both are enqueued", func() bool {
		b = m.batch(b.GetId())
		return b.GetOnSuccess().GetState() == pb.BatchCallback_enqueued && b.GetOnComplete().GetState() == pb.BatchCallback_enqueued
	})
	if c := b.GetOnSuccess(); c.GetError() != nil || c.GetNextAt() != nil || m.get(c.GetTaskId()).GetCallbackOf() != b.GetId() {
		t.Errorf("in the end: %v", c)
	}
}

// TestBatchExpires: what nobody closes is closed by itself, and calls back, though not as a success.
func TestBatchExpires(t *testing.T) {
	m := start(t)
	b := m.createBatch(&pb.CreateBatchRequest{
		OnSuccess: &pb.NewTask{Queue: "ops"}, OnComplete: &pb.NewTask{Queue: "ops"}, IdleTimeoutSeconds: 1,
	})
	kept := m.createBatch(&pb.CreateBatchRequest{IdleTimeoutSeconds: 1})
	week := m.createBatch(&pb.CreateBatchRequest{})
	m.enqueue(&pb.NewTask{Queue: "idle", BatchId: kept.GetId()})
	if b.GetIdleTimeoutSeconds() != 1 || b.GetExpiresAt() == nil || b.GetExpired() {
		t.Errorf("a new batch: %v", b)
	}
	if got := week.GetExpiresAt().AsTime().Sub(week.GetCreatedAt().AsTime()).Hours(); got != 7*24 {
		t.Errorf("a batch without a time expires after %v h", got)
	}
	m.until("it has expired", func() bool { return m.batch(b.GetId()).GetExpired() })
	b = m.batch(b.GetId())
	if b.GetState() != pb.Batch_ended || b.GetExpiresAt() != nil || b.GetOnSuccess().GetState() != pb.BatchCallback_waiting ||
		b.GetOnComplete().GetState() != pb.BatchCallback_enqueued {
		t.Errorf("in the end: %v", b)
	}
	if kept = m.batch(kept.GetId()); kept.GetState() != pb.Batch_open || kept.GetExpiresAt() != nil {
		t.Errorf("one with a task that waits: %v", kept)
	}
}
