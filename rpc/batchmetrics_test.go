package rpc

import (
	"testing"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// counted is the value of a counter without labels.
func (m *member) counted(name string) float64 {
	m.t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	m.t.Fatalf("no metric %s", name)
	return 0
}

// TestBatchMetrics: callbacks that were refused are counted each time, and batches that expired.
func TestBatchMetrics(t *testing.T) {
	m := start(t)
	m.set("ops", &pb.QueueSettings{MaxTasks: 1})
	m.enqueue(&pb.NewTask{Queue: "ops"})
	m.createBatch(&pb.CreateBatchRequest{OnComplete: &pb.NewTask{Queue: "ops"}, IdleTimeoutSeconds: 1})
	m.until("the batch has expired", func() bool { return m.counted("rowlock_batches_expired_total") == 1 })
	m.until("its callback is refused again", func() bool { return m.counted("rowlock_batch_callback_refusals_total") >= 2 })
}
