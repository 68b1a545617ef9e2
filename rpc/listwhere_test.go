package rpc

import (
	"fmt"
	"testing"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// TestWherePosition: a page of a filtered list has a position too, and nothing that happens behind it is missed by who watches
// from there.
func TestWherePosition(t *testing.T) {
	m := start(t)
	m.enqueue(some(5, "q")...)
	for _, states := range [][]pb.Task_State{nil, {pb.Task_completed}} {
		out, err := m.tasks.ListTasks(m.ctx(), &pb.ListTasksRequest{Queue: "q", Where: `priority >= 0`, States: states})
		if err != nil || out.GetPosition() == "" {
			t.Fatalf("the position of a filtered list is %q, %v", out.GetPosition(), err)
		}
		id := m.enqueue(&pb.NewTask{Queue: "q"})[0]
		stream, err := pb.NewWatchServiceClient(m.conn).Watch(m.ctx(), &pb.WatchRequest{Queue: "q", After: out.GetPosition()})
		if err != nil {
			t.Fatal(err)
		}
		for seen := false; !seen; {
			message, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range message.GetEvents() {
				seen = seen || e.GetTaskId() == id
			}
		}
	}
}

// TestWhereOfBatch: a filter narrows a batch's list down, and doesn't leave the batch.
func TestWhereOfBatch(t *testing.T) {
	m := start(t)
	b := m.createBatch(&pb.CreateBatchRequest{})
	ids := m.enqueue(
		&pb.NewTask{Queue: "q", BatchId: b.GetId()}, &pb.NewTask{Queue: "q", BatchId: b.GetId(), Priority: new(uint32(9))},
		&pb.NewTask{Queue: "q", Priority: new(uint32(9))},
	)
	got := m.all(&pb.ListTasksRequest{BatchId: b.GetId(), Where: "priority == 9"})
	if fmt.Sprint(got) != fmt.Sprint(ids[1:2]) {
		t.Errorf("the batch's tasks of priority 9 are %v, not %v", got, ids[1:2])
	}
}
