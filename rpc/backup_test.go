package rpc

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

func (m *member) backups() pb.BackupServiceClient { return pb.NewBackupServiceClient(m.conn) }

// saved is what a stream of a backup had.
type saved struct {
	header  *pb.BackupHeader
	path    string
	verdict *pb.BackupVerdict
}

// save takes a backup.
func (m *member) save() saved {
	m.t.Helper()
	stream, err := m.backups().SaveBackup(m.ctx(), &pb.SaveBackupRequest{})
	if err != nil {
		m.t.Fatal(err)
	}
	out := saved{path: filepath.Join(m.t.TempDir(), "image")}
	f, err := os.Create(out.path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	for {
		answer, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			m.t.Fatal(err)
		case answer.GetHeader() != nil:
			out.header = answer.GetHeader()
		case answer.GetVerdict() != nil:
			out.verdict = answer.GetVerdict()
		default:
			if _, err := f.Write(answer.GetData()); err != nil {
				m.t.Fatal(err)
			}
		}
	}
}

// TestSaveBackup asks both members of a group: each sends its own state, which both agree on.
func TestSaveBackup(t *testing.T) {
	group := startGroup(t, 2)
	for range 3 {
		group[0].enqueue(&pb.NewTask{Queue: "mail"})
	}
	for i, m := range group {
		m.until("all tasks are here", func() bool {
			var live uint64
			m.node.Machine(func(x *task.Machine) { live = x.LiveTasks() })
			return live == 3
		})
		got := m.save()
		h := got.header
		if h.GetNodeId() != fmt.Sprintf("n%d", i+1) || h.GetLiveTasks() != 3 || h.GetQueues() != 1 || h.GetVersion() != "test" || h.GetClusterId() == "" {
			t.Errorf("header %v", h)
		}
		if info, err := os.Stat(got.path); err != nil || info.Size() != h.GetSize() {
			t.Errorf("%d bytes were announced: %v, %v", h.GetSize(), info, err)
		}
		if v := got.verdict; !v.GetAgreed() || v.GetIndex() < h.GetIndex() {
			t.Errorf("verdict %v on %d", v, h.GetIndex())
		}
	}
}

// TestManyBackups: a member sends only so many at a time, and a client that goes away leaves its place and no file.
func TestManyBackups(t *testing.T) {
	var dir string
	m := start(t, func(n *raftfsm.Config, _ *Config) { dir = n.DataDir })
	payload := make([]byte, 0, 200<<10) // that don't compress, and are more than the flow control window together
	for i := 0; len(payload) < 200<<10; i++ {
		payload = fmt.Appendf(payload, "%08x", crc32.ChecksumIEEE([]byte{byte(i), byte(i >> 8)}))
	}
	for range 60 {
		m.enqueue(&pb.NewTask{Queue: "mail", Payload: payload})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range maxBackups {
		stream, err := m.backups().SaveBackup(ctx, &pb.SaveBackupRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if first, err := stream.Recv(); err != nil || first.GetHeader().GetSize() < 2*window {
			t.Fatalf("%v, %v", first, err)
		}
	}
	refused := func() error {
		stream, err := m.backups().SaveBackup(t.Context(), &pb.SaveBackupRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	if err := refused(); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "another member") {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	m.until("there is a place again", func() bool { return refused() == nil })
	if got := m.save(); !got.verdict.GetAgreed() {
		t.Errorf("verdict %v", got.verdict)
	}
	m.until("nothing is left behind", func() bool {
		left, err := os.ReadDir(filepath.Join(dir, "incoming"))
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	})
}
