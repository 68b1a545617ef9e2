package rpc

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// waitFor makes a call of WaitTask that waits, and returns where its answer comes.
func (m *member) waitFor(req *pb.WaitTaskRequest) <-chan *pb.WaitTaskResponse {
	m.t.Helper()
	out, before := make(chan *pb.WaitTaskResponse, 1), m.metric("rowlock_task_waiters")
	ctx := m.ctx()
	go func() {
		resp, err := pb.NewWatchServiceClient(m.conn).WaitTask(ctx, req)
		if err != nil {
			m.t.Errorf("%v: %v", req, err)
		}
		out <- resp
	}()
	m.until("it waits", func() bool { return m.metric("rowlock_task_waiters") > before })
	return out
}

func TestWaitTask(t *testing.T) {
	m := start(t)
	watch := pb.NewWatchServiceClient(m.conn)
	ids := m.enqueue(some(2, "q")...)
	done := m.waitFor(&pb.WaitTaskRequest{Id: ids[0], WaitSeconds: 60})
	dead := m.waitFor(&pb.WaitTaskRequest{Id: ids[1], WaitSeconds: 60, OmitPayload: true})
	left := m.waitFor(&pb.WaitTaskRequest{Id: ids[0], WaitSeconds: 60, LeavesState: pb.Task_pending})
	leased := m.lease(&pb.LeaseRequest{SessionId: m.session("q"), MaxTasks: 2})
	if got := <-left; !got.GetDone() || got.GetTask().GetState() == pb.Task_pending {
		t.Errorf("left: %v", got)
	}
	if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: ids[0], Token: leased[0].GetToken(), Result: []byte("42")}); err != nil {
		t.Fatal(err)
	}
	if got := <-done; !got.GetDone() || got.GetTask().GetState() != pb.Task_completed || string(got.GetTask().GetResult()) != "42" || got.GetPosition() == "" {
		t.Errorf("done: %v", got)
	}
	if _, err := m.workers.Fail(m.ctx(), &pb.FailRequest{TaskId: ids[1], Token: leased[1].GetToken(), Failure: &pb.Failure{Permanent: true}}); err != nil {
		t.Fatal(err)
	}
	if got := <-dead; !got.GetDone() || got.GetTask().GetState() != pb.Task_dead_letter || len(got.GetTask().GetPayload()) != 0 {
		t.Errorf("dead: %v", got)
	}
	// What has ended is answered at once; what doesn't end, when the time is over.
	for _, id := range ids {
		if got, err := watch.WaitTask(m.ctx(), &pb.WaitTaskRequest{Id: id}); err != nil || !got.GetDone() {
			t.Errorf("at once: %v, %v", got, err)
		}
	}
	waiting := m.enqueue(some(1, "q")...)[0]
	if got, err := watch.WaitTask(m.ctx(), &pb.WaitTaskRequest{Id: waiting, WaitSeconds: 0.01}); err != nil || got.GetDone() || got.GetTask().GetState() != pb.Task_pending {
		t.Errorf("in time: %v, %v", got, err)
	}
	if got := m.json("GET", "/v1/tasks/"+ids[0]+":wait?wait_seconds=1", ""); got["done"] != true {
		t.Errorf("over HTTP: %v", got)
	}
	// One that is deleted meanwhile is not there.
	gone := make(chan error, 1)
	ctx := m.ctx()
	go func() {
		_, err := watch.WaitTask(ctx, &pb.WaitTaskRequest{Id: waiting, WaitSeconds: 60})
		gone <- err
	}()
	m.until("it waits", func() bool { return m.metric("rowlock_task_waiters") == 1 })
	if _, err := m.tasks.DeleteTasks(m.ctx(), &pb.DeleteTasksRequest{Ids: []string{waiting}}); err != nil {
		t.Fatal(err)
	}
	if err := <-gone; status.Code(err) != codes.NotFound {
		t.Errorf("deleted: %v", err)
	}
	for _, req := range []*pb.WaitTaskRequest{
		{Id: "x"}, {Id: ids[0], WaitSeconds: 61}, {Id: ids[0], WaitSeconds: -1}, {Id: ids[0], LeavesState: pb.Task_completed}, {Id: ids[0], LeavesState: 99},
	} {
		if _, err := watch.WaitTask(m.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}

// TestWaitTaskAcrossLeaders: a call that waits at a leader which leads no longer ends, so that it is made again elsewhere; and
// one at a follower waits at the leader.
func TestWaitTaskAcrossLeaders(t *testing.T) {
	group := startGroup(t, 3)
	lead, follower := group[0], group[1]
	id := follower.enqueue(some(1, "q")...)[0]
	ended := make(chan error, 2)
	for _, m := range []*member{lead, follower} {
		ctx := m.ctx()
		go func() {
			_, err := pb.NewWatchServiceClient(m.conn).WaitTask(ctx, &pb.WaitTaskRequest{Id: id, WaitSeconds: 60})
			ended <- err
		}()
	}
	lead.until("both wait at the leader", func() bool { return lead.metric("rowlock_task_waiters") == 2 })
	if err := lead.node.Transfer(lead.ctx(), ""); err != nil {
		t.Fatal(err)
	}
	for range 2 { // long before the calls' own time is over, which would be no error
		if err := <-ended; status.Code(err) != codes.Unavailable {
			t.Errorf("it ended with %v", err)
		}
	}
}
