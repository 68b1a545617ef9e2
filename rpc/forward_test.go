package rpc

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// startGroup runs a leader and members that follow it as voters.
func startGroup(t *testing.T, size int) []*member {
	t.Helper()
	// A busy machine doesn't cost the leader its place.
	steadily := func(n *raftfsm.Config) {
		n.ClusterID = "test"
		n.Raft.HeartbeatTimeout, n.Raft.ElectionTimeout, n.Raft.LeaderLeaseTimeout = time.Second, time.Second, 900*time.Millisecond
	}
	list := []*member{start(t, func(n *raftfsm.Config, _ *Config) { steadily(n) })}
	lead := list[0]
	for i := 1; i < size; i++ {
		m := start(t, func(n *raftfsm.Config, _ *Config) {
			steadily(n)
			n.Bootstrap, n.NodeID = false, "n"+string(rune('1'+i))
		})
		Announce(m.ctx(), m.node, []string{lead.server.APIAddr()}, m.server.cfg.Logger)
		list = append(list, m)
	}
	lead.until("all vote", func() bool {
		voters := 0
		for _, m := range lead.node.Status().Members {
			if m.Voter {
				voters++
			}
		}
		return voters == size
	})
	return list
}

// TestAnyMemberTakesAnyCall makes calls at a follower.
func TestAnyMemberTakesAnyCall(t *testing.T) {
	group := startGroup(t, 2)
	lead, m := group[0], group[1]
	ids := m.enqueue(&pb.NewTask{Queue: "q", Payload: []byte("x")})
	got, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[0]})
	if err != nil || string(got.GetTask().GetPayload()) != "x" || got.GetLag() != nil {
		t.Errorf("%v %v", got, err)
	}
	// The leader's refusals arrive as they are.
	_, err = m.queues.GetQueue(m.ctx(), &pb.GetQueueRequest{Name: "none"})
	_, want := lead.queues.GetQueue(lead.ctx(), &pb.GetQueueRequest{Name: "none"})
	if status.Code(err) != codes.NotFound || err.Error() != want.Error() || reasonOf(status.Convert(err)) != "not_found" {
		t.Errorf("%v, from the leader itself %v", err, want)
	}
	// Caller's metadata and deadline are the leader's too; what was forwarded isn't forwarded again.
	marked := metadata.AppendToOutgoingContext(m.ctx(), forwardedHeader, "1")
	if _, err := m.queues.GetQueue(marked, &pb.GetQueueRequest{Name: "q"}); reasonOf(status.Convert(err)) != "not_leader" {
		t.Errorf("forwarded twice: %v", err)
	}
	// A worker's whole life through the follower.
	w := m.work(hello("q"), 4)
	w.until(func() bool { return len(w.tasks) == 1 })
	leased := w.tasks[0]
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{{TaskId: leased.GetId(), Token: leased.GetToken(), Result: &pb.Outcome_Completed{
		Completed: []byte("done")}}}})
	w.until(func() bool { return len(w.acked) == 1 })
	// HTTP passes the same way.
	lead.until("the follower has it", func() bool {
		got, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[0], Stale: true})
		if err != nil {
			return false
		}
		if got.GetLag() == nil || got.GetLag().GetSeconds() < 0 || got.GetLag().GetSeconds() > patience.Seconds() {
			t.Fatalf("lag %v", got.GetLag())
		}
		return string(got.GetTask().GetResult()) == "done"
	})
}

// TestNoLeader: without a leader calls end with a clear error, in time; stale reads and the status are answered.
func TestNoLeader(t *testing.T) {
	group := startGroup(t, 2)
	lead, m := group[0], group[1]
	ids := m.enqueue(&pb.NewTask{Queue: "q"})
	lead.until("the follower has it", func() bool {
		_, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[0], Stale: true})
		return err == nil
	})
	w := m.work(hello("q"), 1)
	if err := lead.node.Transfer(lead.ctx(), ""); err != nil {
		t.Fatal(err)
	}
	if s := w.end(); s.Code() != codes.Unavailable {
		t.Errorf("the stream ended with %v", s)
	}
	lead.stop()
	m.until("it leads no longer", func() bool { return !m.node.Serving() && m.node.OtherLeader() == "" })
	_, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[0]}) // before the caller's deadline
	if s := status.Convert(err); s.Code() != codes.Unavailable || reasonOf(s) != "not_leader" {
		t.Errorf("%v", err)
	}
	if _, err := m.tasks.GetTask(m.ctx(), &pb.GetTaskRequest{Id: ids[0], Stale: true}); err != nil {
		t.Errorf("stale: %v", err)
	}
	if st, err := m.cluster.GetStatus(m.ctx(), &pb.GetStatusRequest{}); err != nil || len(st.GetMembers()) != 2 {
		t.Errorf("%v %v", st, err)
	}
}
