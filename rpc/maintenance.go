package rpc

import (
	"context"
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
		File: file, Done: true, BeforeBytes: r.Before, AfterBytes: r.After, HeldSeconds: r.Held.Seconds(),
	})
}
