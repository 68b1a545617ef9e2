package raftfsm

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// newProposer returns one that refuses everything until it is opened.
func newProposer(c ProposalConfig, clk *clock, m *metrics) (*proposer, error) {
	var seed [32]byte
	if _, err := cryptorand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	random := rand.NewChaCha8(seed)
	return &proposer{
		config: c, clock: clk, metrics: m,
		node: random.Uint64(), random: random,
		wake:     make(chan struct{}, 1),
		watched:  make(chan watched, 2*maxInFlight),
		inFlight: map[uint64]*batch{},
	}, nil
}

// flush seals entries until ctx is done.
func (p *proposer) flush(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.mu.Lock()
			p.ended = true
			p.mu.Unlock()
			p.close(ErrStopped)
			p.turnAway()
			return
		case <-p.wake:
		}
		for p.turnAway() || p.sealNext() {
		}
	}
}

// turnAway answers what was refused.
func (p *proposer) turnAway() bool {
	p.mu.Lock()
	refused := p.refused
	p.refused = nil
	p.mu.Unlock()
	for _, r := range refused {
		r.done(nil, r.err)
	}
	return len(refused) > 0
}

// sealNext makes an entry of the oldest batch, if there is a place in flight.
func (p *proposer) sealNext() bool {
	p.mu.Lock()
	if len(p.queue) == 0 || p.slots >= p.config.InFlight {
		p.mu.Unlock()
		return false
	}
	b := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.slots++
	p.seq++
	b.seq = p.seq
	p.mu.Unlock()

	var companions []Companion
	if d := p.helper(); d != nil {
		companions = d.Companions(b.commands)
	}
	entry := p.encode(b, companions)
	b.sealed = time.Now() // before it can be taken
	p.mu.Lock()
	p.inFlight[b.seq] = b
	p.mu.Unlock()
	p.metrics.entryBytes.Observe(float64(len(entry)))
	p.metrics.entryCommands.Observe(float64(len(b.commands) + len(companions)))
	p.watched <- watched{b.seq, p.log.Apply(entry, 0)}
	return true
}

func (p *proposer) encode(b *batch, companions []Companion) []byte {
	entry := make([]byte, 0, b.bytes+64+32*len(companions))
	entry = task.AppendHeader(entry, task.Header{Time: p.clock.now(), Seed: p.random.Uint64(), Node: p.node, Seq: b.seq, Timeline: b.timeline})
	for i := range b.proposals {
		pr := &b.proposals[i]
		entry = append(entry, *pr.encoded...)
		recycle(pr.encoded)
		pr.encoded = nil
	}
	for _, c := range companions {
		without := len(entry)
		if entry = task.AppendCommand(entry, c.Command); len(entry) > MaxEntryBytes {
			entry = entry[:without]
			c.Done(task.Result{}, ErrOverloaded)
			continue
		}
		b.proposals = append(b.proposals, proposal{n: 1, done: func(rs []task.Result, err error) {
			if err != nil {
				c.Done(task.Result{}, err)
				return
			}
			c.Done(rs[0], nil)
		}})
	}
	return entry
}

// watch learns from raft which entries failed, until the channel is closed. Those that were applied have been claimed.
func (p *proposer) watch() {
	for w := range p.watched {
		err := w.future.Error()
		if p.answers != nil {
			p.answers(err)
		}
		if err == nil {
			continue
		}
		if b := p.take(w.seq); b != nil {
			b.fail(outcome(err))
			p.release(b)
		}
	}
}

// outcome is what raft's answer to an entry means to its callers.
func outcome(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return &NotLeaderError{}
	default: // the entry may be in the log, here or elsewhere
		return fmt.Errorf("%w (%w)", ErrUnknownOutcome, err)
	}
}
