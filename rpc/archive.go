package rpc

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

const (
	// defaultLogBytes and maxLogBytes bound the data of an answer of ReadLog, which an entry may exceed.
	defaultLogBytes = 2 << 20
	maxLogBytes     = 3 << 20
)

// archiveService implements rowlock.v1.ArchiveService.
type archiveService struct {
	pb.UnimplementedArchiveServiceServer
	node    Node
	version string
}

// ReadLog returns entries of the log.
func (s *archiveService) ReadLog(ctx context.Context, req *pb.ReadLogRequest) (*pb.ReadLogResponse, error) {
	bytes := req.GetMaxBytes()
	if bytes < 0 || bytes > maxLogBytes {
		return nil, invalid("max_bytes: %d: want 1 to %d, or 0 for the default", bytes, maxLogBytes)
	}
	if bytes == 0 {
		bytes = defaultLogBytes
	}
	// Whoever leads has executed all that was acknowledged.
	if err := s.node.Read(ctx, false, func(*raftfsm.View) error { return nil }); err != nil {
		return nil, err
	}
	out := &pb.ReadLogResponse{AppliedIndex: s.node.Applied(), Version: s.version}
	if err := s.continues(req, out.GetAppliedIndex()); err != nil {
		return nil, err
	}
	_, err := s.node.ReadLog(req.GetAfterIndex(), int(bytes), func(e raftfsm.LogEntry) error {
		out.Entries = append(out.Entries, &pb.LogEntry{Index: e.Index, Term: e.Term, Type: uint32(e.Type), Data: e.Data})
		return nil
	})
	if errors.Is(err, raftfsm.ErrLogGap) {
		return nil, gap(req.GetAfterIndex(), err)
	}
	if err != nil {
		return nil, err
	}
	// Looked at behind the reading: the log of a state that was restored meanwhile is of its timeline.
	st := s.node.Status()
	out.ClusterId, out.NodeId, out.FeatureLevel, out.StateTime = st.ClusterID, st.NodeID, st.FeatureLevel, timestamp(st.StateTime)
	s.node.Machine(func(m *task.Machine) { out.Timeline = raftfsm.TimelineName(m) })
	switch {
	case req.GetClusterId() != "" && req.GetClusterId() != out.GetClusterId():
		return nil, &fault{codes.FailedPrecondition, "other_cluster", "this is cluster " + out.GetClusterId() + ", not " + req.GetClusterId()}
	case req.GetTimeline() != "" && req.GetTimeline() != out.GetTimeline():
		return nil, &fault{codes.FailedPrecondition, "other_timeline",
			fmt.Sprintf("the cluster is on timeline %s, not %s: it was restored. Make a full backup of the new one first", out.GetTimeline(), req.GetTimeline())}
	}
	return out, nil
}

// continues checks that the log goes on where the caller is.
func (s *archiveService) continues(req *pb.ReadLogRequest, applied uint64) error {
	after := req.GetAfterIndex()
	if after > applied {
		return &fault{codes.FailedPrecondition, "other_history",
			fmt.Sprintf("after_index: %d: the group is at entry %d only: what is archived is of another history", after, applied)}
	}
	if after == 0 || req.GetAfterTerm() == 0 {
		return nil
	}
	term, err := s.node.LogTerm(after)
	if errors.Is(err, raftfsm.ErrLogGap) { // whether the next one is there is what matters
		return nil
	}
	if err == nil && term != req.GetAfterTerm() {
		err = &fault{codes.FailedPrecondition, "other_history",
			fmt.Sprintf("after_term: entry %d is of term %d here, not %d: what is archived is of another history", after, term, req.GetAfterTerm())}
	}
	return err
}

func gap(after uint64, err error) error {
	return &fault{codes.FailedPrecondition, "log_gap",
		fmt.Sprintf("%v: the log behind entry %d has been compacted: make a full backup first, with 'rowlock backup save'", err, after)}
}

// NoteArchived has the members keep the log from an entry on.
func (s *archiveService) NoteArchived(ctx context.Context, req *pb.NoteArchivedRequest) (*pb.NoteArchivedResponse, error) {
	if i := req.GetIndex(); i == 0 || i > s.node.Applied() {
		return nil, invalid("index: %d: want 1 to %d, the entry up to which the log has been executed", i, s.node.Applied())
	}
	_, err := propose(ctx, s.node, &task.NoteArchived{Index: req.GetIndex()}, false)
	if err != nil && !errors.Is(err, task.Invalid) { // another archive is further already
		return nil, err
	}
	return &pb.NoteArchivedResponse{}, nil
}

// archiveStatus is how the continuous archive does; nil: there is none.
func archiveStatus(n Node) *pb.ArchiveStatus {
	a, ok := n.Archive()
	if !ok {
		return nil
	}
	out := &pb.ArchiveStatus{Destination: a.To, Active: a.Active, Index: a.Index, LagSeconds: a.Lag.Seconds(), Problem: a.Problem}
	if a.At != 0 {
		out.Time = timestamp(a.At)
	}
	if !a.Success.IsZero() {
		out.LastSuccess = timestamp(a.Success.UnixMicro())
	}
	return out
}
