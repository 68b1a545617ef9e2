package backups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
)

// State is a member's state on its way into an archive.
type State struct {
	Manifest archive.Manifest // all but Agreed, Created and Body
	Size     int64            // bytes that are read
	io.Reader
	// Verdict, called once all has been read, tells whether the members agree on the state: nil and the reason if not.
	Verdict func(ctx context.Context) (*archive.Agreed, string, error)
	Close   func()
}

// Source hands out a state, as of now. It may be called again, for a newer one.
type Source func(ctx context.Context) (*State, error)

// FromNode backs up the member of this process. The members get patience to agree.
func FromNode(n *raftfsm.Node, version string, patience time.Duration) Source {
	return func(ctx context.Context) (*State, error) {
		b, err := n.Backup(ctx)
		if err != nil {
			return nil, err
		}
		return &State{
			Manifest: b.Manifest(version), Size: b.Size(), Reader: b, Close: func() { _ = b.Close() },
			Verdict: func(ctx context.Context) (*archive.Agreed, string, error) {
				ctx, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				c, err := n.AwaitVerdict(ctx, b)
				if err != nil {
					return nil, err.Error(), nil
				}
				return &archive.Agreed{Index: c.Index, Hash: archive.HashText(c.Hash)}, "", nil
			},
		}, nil
	}
}

// FromMember backs up the member that a client talks to.
func FromMember(c rowlockv1.BackupServiceClient) Source {
	return func(ctx context.Context) (*State, error) {
		ctx, cancel := context.WithCancel(ctx)
		r := &streamReader{}
		var err error
		if r.stream, err = c.SaveBackup(ctx, &rowlockv1.SaveBackupRequest{}); err != nil {
			cancel()
			return nil, err
		}
		first, err := r.stream.Recv()
		if err == nil && first.GetHeader() == nil {
			err = errors.New("the member's stream doesn't begin with a header: is it of another version?")
		}
		if err != nil {
			cancel()
			return nil, err
		}
		h := first.GetHeader()
		r.left = h.GetSize()
		return &State{
			Manifest: archive.Manifest{
				Kind: archive.Full, ClusterID: h.GetClusterId(), NodeID: h.GetNodeId(), Version: h.GetVersion(), Timeline: logarchive.TimelineName(h.GetTimeline()),
				Index: h.GetIndex(), Term: h.GetTerm(), StateTime: h.GetStateTime().AsTime(), FeatureLevel: h.GetFeatureLevel(),
				Hash: archive.HashText(h.GetHash()), LiveTasks: h.GetLiveTasks(), Queues: h.GetQueues(),
			},
			Size: h.GetSize(), Reader: r, Close: cancel, Verdict: r.verdict,
		}, nil
	}
}

// streamReader reads the state file out of a stream.
type streamReader struct {
	stream rowlockv1.BackupService_SaveBackupClient
	chunk  []byte
	left   int64 // of the state file
}

func (r *streamReader) Read(b []byte) (int, error) {
	if len(r.chunk) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		part, err := r.stream.Recv()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		r.chunk = part.GetData()
		if n := int64(len(r.chunk)); n == 0 || n > r.left {
			return 0, fmt.Errorf("the member's stream has a part of %d bytes where %d are left", n, r.left)
		}
		r.left -= int64(len(r.chunk))
	}
	n := copy(b, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

func (r *streamReader) verdict(context.Context) (*archive.Agreed, string, error) {
	part, err := r.stream.Recv()
	switch v := part.GetVerdict(); {
	case errors.Is(err, io.EOF), err == nil && v == nil:
		return nil, "", errors.New("the member's stream ends without a verdict")
	case err != nil:
		return nil, "", err
	case v.GetAgreed():
		return &archive.Agreed{Index: v.GetIndex(), Hash: archive.HashText(v.GetHash())}, "", nil
	default:
		return nil, v.GetReason(), nil
	}
}
