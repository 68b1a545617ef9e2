package rpc

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

func TestReadLog(t *testing.T) {
	m := start(t)
	c := pb.NewArchiveServiceClient(m.conn)
	all, err := c.ReadLog(m.ctx(), &pb.ReadLogRequest{})
	if err != nil || len(all.GetEntries()) == 0 {
		t.Fatalf("%d entries: %v", len(all.GetEntries()), err)
	}
	for i, e := range all.GetEntries() {
		if e.GetIndex() != uint64(i)+1 || e.GetTerm() == 0 {
			t.Errorf("entry %d of term %d is at place %d", e.GetIndex(), e.GetTerm(), i)
		}
	}
	last := all.GetEntries()[len(all.GetEntries())-1]
	if last.GetIndex() < all.GetAppliedIndex() || all.GetTimeline() != "0000000000000000" || all.GetClusterId() == "" || all.GetNodeId() != "n1" {
		t.Errorf("%d up to %d, timeline %q, cluster %q, node %q", last.GetIndex(), all.GetAppliedIndex(), all.GetTimeline(), all.GetClusterId(), all.GetNodeId())
	}
	one, err := c.ReadLog(m.ctx(), &pb.ReadLogRequest{AfterIndex: 1, AfterTerm: all.GetEntries()[0].GetTerm(), MaxBytes: 1, ClusterId: all.GetClusterId(), Timeline: all.GetTimeline()})
	if err != nil || len(one.GetEntries()) == 0 || one.GetEntries()[0].GetIndex() != 2 {
		t.Errorf("behind entry 1 comes %v: %v", one.GetEntries(), err)
	}
	for name, x := range map[string]struct {
		req  *pb.ReadLogRequest
		code codes.Code
		text string
	}{
		"too much":       {&pb.ReadLogRequest{MaxBytes: 4 << 20}, codes.InvalidArgument, "max_bytes"},
		"negative":       {&pb.ReadLogRequest{MaxBytes: -1}, codes.InvalidArgument, "max_bytes"},
		"ahead":          {&pb.ReadLogRequest{AfterIndex: 1 << 40}, codes.FailedPrecondition, "another history"},
		"other term":     {&pb.ReadLogRequest{AfterIndex: 1, AfterTerm: 1 << 40}, codes.FailedPrecondition, "another history"},
		"other cluster":  {&pb.ReadLogRequest{ClusterId: "x"}, codes.FailedPrecondition, "not x"},
		"other timeline": {&pb.ReadLogRequest{Timeline: "0000000000000001"}, codes.FailedPrecondition, "full backup"},
	} {
		_, err := c.ReadLog(m.ctx(), x.req)
		if s := status.Convert(err); s.Code() != x.code || !strings.Contains(s.Message(), x.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoteArchived(t *testing.T) {
	m := start(t)
	c := pb.NewArchiveServiceClient(m.conn)
	for _, index := range []uint64{2, 1, 2} {
		if _, err := c.NoteArchived(m.ctx(), &pb.NoteArchivedRequest{Index: index}); err != nil {
			t.Errorf("%d: %v", index, err)
		}
	}
	for _, index := range []uint64{0, 1 << 40} {
		if _, err := c.NoteArchived(m.ctx(), &pb.NoteArchivedRequest{Index: index}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d: %v", index, err)
		}
	}
	if a, _ := m.node.Archive(); a.Index != 2 {
		t.Errorf("archived up to %d", a.Index)
	}
}
