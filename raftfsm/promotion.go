package raftfsm

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// promotions is raft as autopilot gets it. Autopilot decides on a view of the group that it made a moment ago, and changes the group
// whatever has become of it.
//
// Invariant: a member that has been removed since, or has another address, isn't taken in again; only a standby becomes a voter.
type promotions struct {
	*raft.Raft
}

// AddVoter makes a standby of the group, as it is now, a voter. The index of autopilot is none.
func (p promotions) AddVoter(id raft.ServerID, address raft.ServerAddress, _ uint64, timeout time.Duration) raft.IndexFuture {
	f := p.GetConfiguration()
	if err := f.Error(); err != nil {
		return &decided{err: err}
	}
	c, index := f.Configuration(), f.Index()
	for _, s := range c.Servers {
		if s.ID != id || s.Address != address {
			continue
		}
		if s.Suffrage == raft.Voter {
			return &decided{index: index}
		}
		return p.Raft.AddVoter(id, address, index, timeout)
	}
	return &decided{err: fmt.Errorf("%w: %s at %s has left the group", ErrNoMember, id, address)}
}

// decided is the future of what raft isn't asked for.
type decided struct {
	index uint64
	err   error
}

// Error returns why it wasn't done; nil: it was.
func (d *decided) Error() error { return d.err }

// Index is that of the configuration.
func (d *decided) Index() uint64 { return d.index }
