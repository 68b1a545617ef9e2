package rpc

import (
	"context"
	"time"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// sendPatience is how long a consumer may leave a message untaken.
const sendPatience = 30 * time.Second

// sender sends the messages of a watch. gRPC's own send waits for ever for a consumer that takes nothing; so that happens in
// a goroutine of its own, which ends at the latest when the handler has returned and the stream is over.
type sender struct {
	messages chan *pb.WatchResponse
	sent     chan error
	patience time.Duration
}

func newSender(send func(*pb.WatchResponse) error) *sender {
	s := &sender{messages: make(chan *pb.WatchResponse), sent: make(chan error, 1), patience: sendPatience}
	go func() {
		for m := range s.messages {
			s.sent <- send(m)
		}
	}()
	return s
}

// send returns when the consumer's window has taken the message. After an error the sender must not be used again.
func (s *sender) send(ctx context.Context, m *pb.WatchResponse) error {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	s.messages <- m // the goroutine is idle
	select {
	case err := <-s.sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return errSlow
	}
}

func (s *sender) close() { close(s.messages) }
