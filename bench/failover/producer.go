package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/client"
)

// producer enqueues one task after the other, at a steady rate where the group keeps up.
type producer struct {
	number  int
	traffic *traffic
	pause   time.Duration
	config  client.Config
	acks    pulse
}

// run enqueues until ctx is done. The call under way then is waited for: its outcome matters. A call that fails is counted,
// and the next is made.
func (p *producer) run(ctx context.Context) error {
	c, err := client.New(p.config)
	if err != nil {
		return err
	}
	defer c.Close()
	tick := time.NewTicker(p.pause)
	defer tick.Stop()
	for sequence := 0; ; sequence++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		receipt, err := c.Enqueue(context.WithoutCancel(ctx), client.Raw(kind, payload(p.number, sequence)), client.Queue(queue))
		switch {
		case errors.Is(err, client.ErrInvalid), errors.Is(err, client.ErrDenied):
			return err
		case err != nil:
			p.config.Logger.Warn("enqueue failed", "error", err)
			p.traffic.ledger.fail()
		default:
			now := time.Now()
			p.acks.beat(now)
			p.traffic.writes.beat(now)
			p.traffic.ledger.ack(receipt.ID)
		}
	}
}

// payload differs between all calls of all producers.
func payload(producer, sequence int) []byte {
	call := fmt.Sprintf("%d/%d ", producer, sequence)
	return []byte(call + strings.Repeat(".", payloadBytes-len(call)))
}
