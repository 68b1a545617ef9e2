package rpc

import (
	"context"
	"time"
)

// sendPatience is how long a consumer may leave a message untaken.
const sendPatience = 30 * time.Second

// sender sends the messages of a stream. gRPC's own send waits for ever for a consumer that takes nothing; so that happens in
// a goroutine of its own, which ends at the latest when the handler has returned and the stream is over.
type sender[M any] struct {
	messages chan M
	sent     chan error
	patience time.Duration
	slow     error // what a stream ends with whose consumer takes longer
}

func newSender[M any](send func(M) error) *sender[M] {
	s := &sender[M]{messages: make(chan M), sent: make(chan error, 1), patience: sendPatience, slow: errSlow}
	go func() {
		for m := range s.messages {
			s.sent <- send(m)
		}
	}()
	return s
}

// send returns when the consumer's window has taken the message. After an error the sender must not be used again.
func (s *sender[M]) send(ctx context.Context, m M) error {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	s.messages <- m // the goroutine is idle
	select {
	case err := <-s.sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return s.slow
	}
}

func (s *sender[M]) close() { close(s.messages) }
