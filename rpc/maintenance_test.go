package rpc

import (
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

func TestVacuumMember(t *testing.T) {
	m := start(t)
	c := pb.NewMaintenanceServiceClient(m.conn)
	for name, x := range map[string]struct {
		req  *pb.VacuumMemberRequest
		code codes.Code
		text string
	}{
		"other member": {&pb.VacuumMemberRequest{Member: "n2"}, codes.FailedPrecondition, "this is member n1, not n2"},
		"no file":      {&pb.VacuumMemberRequest{Files: []string{"state", "journal"}}, codes.InvalidArgument, "files[1]"},
		"twice":        {&pb.VacuumMemberRequest{Files: []string{"log", "log"}}, codes.InvalidArgument, "files[1]"},
		"rate":         {&pb.VacuumMemberRequest{BytesPerSecond: -1}, codes.InvalidArgument, "bytes_per_second"},
	} {
		stream, err := c.VacuumMember(t.Context(), x.req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		if s := status.Convert(err); s.Code() != x.code || !strings.Contains(s.Message(), x.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stream, err := c.VacuumMember(t.Context(), &pb.VacuumMemberRequest{Member: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.GetDone() && r.GetAfterBytes() > 0 {
			done = append(done, r.GetFile())
		}
	}
	if strings.Join(done, " ") != "state log" {
		t.Errorf("done are %q", done)
	}
}
