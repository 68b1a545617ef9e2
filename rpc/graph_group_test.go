package rpc

import (
	"testing"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// A follower takes a graph, leases its tasks and cancels it, for the leader.
func TestGraphAtFollower(t *testing.T) {
	group := startGroup(t, 2)
	m := group[1]
	out := m.graph(step("a"), step("b", "a"))
	s := m.session("g")
	if ran := m.runGraph(s); len(ran) != 1 {
		t.Errorf("ran %v", ran)
	}
	if ran := m.runGraph(s); len(ran["b"]) != 1 || ran["b"][0] != "a completed did a" {
		t.Errorf("ran %v", ran)
	}
	m.until("the workflow is completed", func() bool { return m.workflow(out.GetWorkflowId()).GetState() == pb.Workflow_completed })
	cancelled, err := m.workflows().CancelWorkflow(m.ctx(), &pb.CancelWorkflowRequest{Id: out.GetWorkflowId()})
	if err != nil || cancelled.GetTasks() != 0 {
		t.Errorf("cancelled %v, %v", cancelled, err)
	}
	group[0].until("the follower has it", func() bool {
		got, err := m.workflows().GetWorkflow(m.ctx(), &pb.GetWorkflowRequest{Id: out.GetWorkflowId(), Stale: true})
		return err == nil && got.GetLag() != nil && got.GetWorkflow().GetCounts().GetCompleted() == 2
	})
}
