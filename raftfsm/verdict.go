package raftfsm

import (
	"context"
	"fmt"
	"time"
)

// verdictRetry is how long a verdict that was asked for may take before it is asked for again: the leader, or the members
// that it asks, may have changed.
const verdictRetry = 4 * time.Second

// Judge has the leader, which this member must be, compare the members' states as soon as may be, and tell them.
//
// *NotLeaderError: this member doesn't lead.
func (n *Node) Judge() error {
	if !n.leadership.serving() {
		return n.refusal()
	}
	n.leadership.judge.hurry()
	return nil
}

// AwaitVerdict returns the first verdict on the members' states at or after the backup's entry that this member learns of,
// and that its own state agrees with: the majority's states went on from the same as the backup's. It has the leader judge
// for that, again and again until ctx is done. The only voter of a group agrees with itself.
//
// The context's error: there was no such verdict in time, as without a majority of voters that answer.
func (n *Node) AwaitVerdict(ctx context.Context, b *Backup) (Checksum, error) {
	if voters := votersOf(n.servers()); len(voters) == 1 && voters[0].ID == serverID(n.identity) {
		return Checksum{Index: b.Index, Hash: b.Hash}, nil
	}
	for {
		problem := n.askJudge(ctx)
		wait, cancel := context.WithTimeout(ctx, verdictRetry)
		c, err := n.replica.checksums.awaitAgreed(wait, b.Index)
		cancel()
		switch {
		case err == nil:
			return c, nil
		case n.stopping.Load() || n.fatal.get() != nil:
			return Checksum{}, ErrStopped
		case ctx.Err() != nil && problem != nil:
			return Checksum{}, fmt.Errorf("%w: the leader can't be asked: %w", ctx.Err(), problem)
		case ctx.Err() != nil:
			return Checksum{}, ctx.Err()
		}
	}
}

// askJudge has the leader judge, whoever it is.
func (n *Node) askJudge(ctx context.Context) error {
	if n.leadership.serving() {
		return n.Judge()
	}
	address, _ := n.raft.LeaderWithID()
	if address == "" {
		return &NotLeaderError{}
	}
	return n.lookout.judge(ctx, string(address))
}

// agree notes a verdict that this member's state was found to agree with.
func (c *checksums) agree(x Checksum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.Index <= c.agreed.Index {
		return
	}
	c.agreed = x
	if c.news != nil {
		close(c.news)
		c.news = nil
	}
}

// awaitAgreed returns a verdict at or after an entry.
func (c *checksums) awaitAgreed(ctx context.Context, index uint64) (Checksum, error) {
	for {
		c.mu.Lock()
		agreed := c.agreed
		if c.news == nil {
			c.news = make(chan struct{})
		}
		news := c.news
		c.mu.Unlock()
		if agreed.Index >= index {
			return agreed, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Checksum{}, ctx.Err()
		}
	}
}
