package rpc

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// maintenanceService implements rowlock.v1.MaintenanceService, for this member.
type maintenanceService struct {
	pb.UnimplementedMaintenanceServiceServer
	node Node
}

// meant refuses a call that was for another member.
func (s *maintenanceService) meant(member string) error {
	st := s.node.Status()
	if member == "" || member == st.NodeID || member == st.ServerID {
		return nil
	}
	return &fault{codes.FailedPrecondition, "other_member", "this is member " + st.NodeID + ", not " + member + ": call it at its own API address"}
}

// VacuumMember gives the free pages of this member's files back.
func (s *maintenanceService) VacuumMember(req *pb.VacuumMemberRequest, stream pb.MaintenanceService_VacuumMemberServer) error {
	if err := s.meant(req.GetMember()); err != nil {
		return err
	}
	if req.GetBytesPerSecond() < 0 {
		return invalid("bytes_per_second: %d: want 0, for the default, or more", req.GetBytesPerSecond())
	}
	files := req.GetFiles()
	if len(files) == 0 {
		files = []string{raftfsm.StateFile, raftfsm.LogFile}
	}
	for i, f := range files {
		if (f != raftfsm.StateFile && f != raftfsm.LogFile) || slices.Contains(files[:i], f) {
			return invalid("files[%d]: %q: want %s and %s, each once at most", i, f, raftfsm.StateFile, raftfsm.LogFile)
		}
	}
	for _, f := range files {
		if err := s.vacuum(stream.Context(), f, req.GetBytesPerSecond(), stream.Send); err != nil {
			return err
		}
	}
	return nil
}

// vacuum does one file. A caller who goes away ends it.
func (s *maintenanceService) vacuum(ctx context.Context, file string, rate int64, send func(*pb.VacuumMemberResponse) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, err := s.node.Vacuum(ctx, file, raftfsm.VacuumOptions{
		BytesPerSecond: rate,
		Progress: func(p raftfsm.VacuumProgress) {
			if err := send(&pb.VacuumMemberResponse{File: file, CopiedBytes: p.Copied, TotalBytes: p.Total}); err != nil {
				cancel(err)
			}
		},
	})
	if err != nil {
		return err
	}
	return send(&pb.VacuumMemberResponse{
		File: file, Done: true, BeforeBytes: r.Before, AfterBytes: r.After, HeldSeconds: r.Held.Seconds(), Member: s.node.Status().NodeID,
	})
}

// CheckMember verifies a copy of this member's state.
func (s *maintenanceService) CheckMember(req *pb.CheckMemberRequest, stream pb.MaintenanceService_CheckMemberServer) error {
	if err := s.meant(req.GetMember()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	r, err := s.node.Check(ctx, func(phase string) {
		if err := stream.Send(&pb.CheckMemberResponse{Phase: phase}); err != nil {
			cancel(err)
		}
	})
	if err != nil {
		return err
	}
	for i := range r.Findings {
		if err := stream.Send(&pb.CheckMemberResponse{Finding: viewFinding(&r.Findings[i])}); err != nil {
			return err
		}
	}
	summary := &pb.CheckSummary{
		Member: r.NodeID, Index: r.Position.Index, Hash: hex16(r.Hash), LiveTasks: r.LiveTasks, Records: r.Records, LogEntries: r.LogEntries,
		Findings: uint64(r.Total),
	}
	for _, h := range r.Hashes {
		summary.Hashes = append(summary.Hashes, &pb.StateHash{Index: h.Index, Hash: hex16(h.Hash)})
	}
	return stream.Send(&pb.CheckMemberResponse{Summary: summary})
}

// hex16 is a state hash or a timeline as people and programs see it.
func hex16(n uint64) string { return fmt.Sprintf("%016x", n) }

func viewFinding(f *raftfsm.Finding) *pb.CheckFinding {
	out := &pb.CheckFinding{File: f.File, Part: f.Part, Text: f.Text, Grave: f.Grave}
	for _, id := range f.Tasks {
		out.TaskIds = append(out.TaskIds, id.String())
	}
	return out
}
