package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// maxBackups bounds the backups that a member sends at a time: each is a copy of the state on its disk.
	maxBackups = 2
	// backupChunk is how many bytes of the state file a message has.
	backupChunk = 256 << 10
	// verdictPatience is how long the members get to agree on the state, once it is sent.
	verdictPatience = 30 * time.Second
	// backupPatience is how long a client may take for one chunk before its copy is given up.
	backupPatience = 2 * time.Minute
)

// backupService implements rowlock.v1.BackupService.
type backupService struct {
	pb.UnimplementedBackupServiceServer
	node    Node
	version string
	places  chan struct{}   // one for each backup that is being sent
	stopped context.Context //nolint:containedctx // ends when the server stops
	stop    context.CancelFunc
}

func newBackupService(n Node, version string) *backupService {
	s := &backupService{node: n, version: version, places: make(chan struct{}, maxBackups)}
	s.stopped, s.stop = context.WithCancel(context.Background())
	return s
}

// Faults of a backup.
var (
	errManyBackups = &fault{codes.ResourceExhausted, "too_many_backups", fmt.Sprintf(
		"this member is sending %d backups, as many as it may: try again when one has ended, or ask another member", maxBackups)}
	errSlowBackup = unavailable("slow_consumer", "the backup wasn't taken for %s: its destination is too slow", backupPatience)
)

// SaveBackup streams this member's state.
func (s *backupService) SaveBackup(_ *pb.SaveBackupRequest, stream pb.BackupService_SaveBackupServer) error {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		return errManyBackups
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.stopped, func() { cancel(errStopping) })()
	b, err := s.node.Backup(ctx)
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	defer func() { _ = b.Close() }()
	out := newSender(stream.Send)
	defer out.close()
	out.patience, out.slow = backupPatience, errSlowBackup
	if err := out.send(ctx, &pb.SaveBackupResponse{Part: &pb.SaveBackupResponse_Header{Header: s.header(b)}}); err != nil {
		return err
	}
	// The members compare while the bytes are on their way.
	verdict := make(chan *pb.BackupVerdict, 1)
	go func() { verdict <- s.verdict(ctx, b) }()
	if err := sendImage(ctx, out, b); err != nil {
		cancel(err)
		<-verdict
		return err
	}
	v := <-verdict
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return out.send(ctx, &pb.SaveBackupResponse{Part: &pb.SaveBackupResponse_Verdict{Verdict: v}})
}

func (s *backupService) header(b *raftfsm.Backup) *pb.BackupHeader {
	return &pb.BackupHeader{
		ClusterId: b.ClusterID, NodeId: b.NodeID, Version: s.version, Timeline: b.Timeline, Index: b.Index, Term: b.Term,
		StateTime: timestamp(b.StateTime), FeatureLevel: b.FeatureLevel, Hash: b.Hash, Size: b.Size(),
		LiveTasks: b.LiveTasks, Queues: uint64(b.Queues),
	}
}

// sendImage sends all of the copy.
func sendImage(ctx context.Context, out *sender[*pb.SaveBackupResponse], from io.Reader) error {
	for {
		chunk := make([]byte, backupChunk) // gRPC keeps it until it is sent
		n, err := io.ReadFull(from, chunk)
		if n > 0 {
			if err := out.send(ctx, &pb.SaveBackupResponse{Part: &pb.SaveBackupResponse_Data{Data: chunk[:n]}}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the copy of the state: %w", err)
		}
	}
}

// verdict waits for the members to agree on the state.
func (s *backupService) verdict(ctx context.Context, b *raftfsm.Backup) *pb.BackupVerdict {
	ctx, cancel := context.WithTimeout(ctx, verdictPatience)
	defer cancel()
	c, err := s.node.AwaitVerdict(ctx, b)
	switch {
	case err == nil:
		return &pb.BackupVerdict{Agreed: true, Index: c.Index, Hash: c.Hash}
	case errors.Is(err, context.DeadlineExceeded):
		return &pb.BackupVerdict{Reason: fmt.Sprintf("no majority of the voters compared its state with this member's within %s", verdictPatience)}
	}
	return &pb.BackupVerdict{Reason: err.Error()}
}
