package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// Changes of the group are made by the leader, one at a time. Each is refused, before anything is done, if after it
// fewer than a majority of the voters would answer.

// changeTimeout bounds how long a change of the configuration may wait to be begun.
const changeTimeout = 10 * time.Second

var (
	// ErrNoMember is a member that the group doesn't have.
	ErrNoMember = errors.New("no such member")
	// ErrMajority refuses a change that would leave the group without a majority.
	ErrMajority = errors.New("the group would lose its majority")
	// ErrMemberExists refuses a server whose name or address is that of a member that is alive.
	ErrMemberExists = errors.New("taken by another member")
	// ErrRefused is any other refusal of a change of the group.
	ErrRefused = errors.New("refused")
)

// nodeOf is the node ID in a server ID.
func nodeOf(id raft.ServerID) string {
	node, _, _ := strings.Cut(string(id), "~")
	return node
}

// lastTerm is the term of the log's last entry.
func (n *Node) lastTerm() uint64 {
	term, err := strconv.ParseUint(n.raft.Stats()["last_log_term"], 10, 64)
	if err != nil {
		return 0
	}
	return term
}

// members returns the group's configuration, with its index, if this member leads it.
func (n *Node) members() (raft.Configuration, uint64, error) {
	if !n.leadership.serving() {
		return raft.Configuration{}, 0, n.refusal()
	}
	f := n.raft.GetConfiguration()
	return f.Configuration(), f.Index(), f.Error()
}

// find returns the member of a node ID or server ID.
func find(c raft.Configuration, id string) (raft.Server, error) {
	for _, s := range c.Servers {
		if string(s.ID) == id || nodeOf(s.ID) == id {
			return s, nil
		}
	}
	return raft.Server{}, fmt.Errorf("%w: %s", ErrNoMember, id)
}

// Join takes a server, which supports a feature level, into the group as a standby, or notes its new address. It may be
// repeated.
//
// ErrTooOld: the group's level is higher. ErrMemberExists: its name or address is that of another member that lives. *NotLeaderError: ask the leader.
func (n *Node) Join(ctx context.Context, id, address string, supportedLevel uint32) error {
	return n.leadership.leveler.admit(id, supportedLevel, func() error { return n.takeIn(ctx, id, address) })
}

func (n *Node) takeIn(ctx context.Context, id, address string) error {
	c, index, err := n.members()
	if err != nil {
		return err
	}
	for _, s := range c.Servers {
		switch {
		case string(s.ID) == id && string(s.Address) == address:
			return nil
		case string(s.ID) == id || (nodeOf(s.ID) != nodeOf(raft.ServerID(id)) && string(s.Address) != address):
			continue
		}
		if index, err = n.replace(ctx, c, s, index); err != nil {
			return err
		}
	}
	n.config.Logger.Info("a server joins", "server", id, "address", address)
	return n.changed(n.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(address), index, changeTimeout))
}

// replace removes a member whose disk was wiped, or whose address is another's now: its process can't come back.
func (n *Node) replace(ctx context.Context, c raft.Configuration, s raft.Server, index uint64) (uint64, error) {
	n.lookout.now(ctx, c.Servers)
	if s.ID == serverID(n.identity) || n.lookout.of(s.ID).err == nil {
		return 0, fmt.Errorf("%w: %s at %s is alive; give each server a --node-id and an address of its own", ErrMemberExists, s.ID, s.Address)
	}
	if err := n.survives(c, s.ID); err != nil {
		return 0, err
	}
	n.config.Logger.Warn("a member has come back as another, and is removed", "server", s.ID, "address", s.Address)
	f := n.raft.RemoveServer(s.ID, index, changeTimeout)
	if err := n.changed(f); err != nil {
		return 0, err
	}
	return f.Index(), nil
}

// Remove takes a member out. The leader itself hands over first: the call is then to be repeated, with the next.
func (n *Node) Remove(ctx context.Context, id string) error {
	return n.shrink(ctx, id, "removed", func(s raft.Server, index uint64) raft.IndexFuture {
		return n.raft.RemoveServer(s.ID, index, changeTimeout)
	})
}

// Demote makes a voter a standby, which it stays until it is promoted. The leader itself hands over first.
func (n *Node) Demote(ctx context.Context, id string) error {
	c, _, err := n.members()
	if err != nil {
		return err
	}
	s, err := find(c, id)
	if err != nil {
		return err
	}
	n.lookout.now(ctx, c.Servers)
	if err := n.survives(c, s.ID); err == nil && s.ID != serverID(n.identity) {
		if err := n.hold(ctx, s, true); err != nil {
			n.config.Logger.Warn("a demoted member couldn't be told, and will be promoted when it is back", "server", s.ID, "error", err)
		}
	}
	return n.shrink(ctx, id, "demoted", func(s raft.Server, index uint64) raft.IndexFuture {
		return n.raft.DemoteVoter(s.ID, index, changeTimeout)
	})
}

// shrink makes a change after which a voter votes no longer.
func (n *Node) shrink(ctx context.Context, id, what string, change func(raft.Server, uint64) raft.IndexFuture) error {
	c, index, err := n.members()
	if err != nil {
		return err
	}
	s, err := find(c, id)
	if err != nil {
		return err
	}
	n.lookout.now(ctx, c.Servers)
	if err := n.survives(c, s.ID); err != nil {
		return err
	}
	if s.ID == serverID(n.identity) {
		n.stepDown()
		if n.raft.State() == raft.Leader {
			return fmt.Errorf("%w: no other member could take over the leadership", ErrRefused)
		}
		return n.refusal()
	}
	if err := n.changed(change(s, index)); err != nil {
		return err
	}
	n.config.Logger.Info("the group has changed", "change", what, "server", s.ID)
	return nil
}

// Promote makes a standby a voter at once, whatever the maximum, if it follows closely.
func (n *Node) Promote(ctx context.Context, id string) error {
	c, index, err := n.members()
	if err != nil {
		return err
	}
	s, err := find(c, id)
	if err != nil {
		return err
	}
	if s.ID == serverID(n.identity) || s.Suffrage == raft.Voter {
		return nil
	}
	n.lookout.now(ctx, []raft.Server{s})
	seen := n.lookout.of(s.ID)
	switch last := n.raft.LastIndex(); {
	case seen.err != nil:
		return fmt.Errorf("%w: %s can't be promoted: %w", ErrRefused, s.ID, seen.err)
	case seen.LastIndex+maxTrailing < last:
		return fmt.Errorf("%w: %s can't be promoted while it is %d entries behind", ErrRefused, s.ID, last-seen.LastIndex)
	}
	if err := n.hold(ctx, s, false); err != nil {
		return fmt.Errorf("%w: %s can't be promoted: %w", ErrRefused, s.ID, err)
	}
	return n.changed(n.raft.AddVoter(s.ID, s.Address, index, changeTimeout))
}

// hold tells a member whether to stay a standby.
func (n *Node) hold(ctx context.Context, s raft.Server, standby bool) error {
	d := n.lookout.discoverer.Load()
	if d == nil {
		return errNotAsked
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return (*d).SetStandby(ctx, string(s.Address), standby)
}

// SetStandby has this member ask to stay a standby, or no longer. It is durable.
func (n *Node) SetStandby(standby bool) error {
	n.holding.Lock()
	defer n.holding.Unlock()
	id := n.identity
	id.Standby = standby
	if err := store.SaveIdentity(n.config.DataDir, id); err != nil {
		return err
	}
	n.held.Store(standby)
	return nil
}

// Transfer makes another voter the leader: the one named, or the most up to date.
func (n *Node) Transfer(ctx context.Context, id string) error {
	c, _, err := n.members()
	if err != nil {
		return err
	}
	if len(votersOf(c.Servers)) == 1 {
		return fmt.Errorf("%w: there is no other voter to lead", ErrRefused)
	}
	f := func() raft.Future { return n.raft.LeadershipTransfer() }
	if id != "" {
		s, err := find(c, id)
		switch {
		case err != nil:
			return err
		case s.ID == serverID(n.identity):
			return nil
		case s.Suffrage != raft.Voter:
			return fmt.Errorf("%w: %s is a standby; only voters lead", ErrRefused, s.ID)
		}
		n.lookout.now(ctx, []raft.Server{s})
		if seen := n.lookout.of(s.ID); seen.err != nil {
			return fmt.Errorf("%w: %s can't lead: %w", ErrRefused, s.ID, seen.err)
		}
		f = func() raft.Future { return n.raft.LeadershipTransferToServer(s.ID, s.Address) }
	}
	if err := f().Error(); err != nil {
		if lost(err) {
			return n.refusal()
		}
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

// survives returns an error if without a member fewer than a majority of the other voters would answer.
func (n *Node) survives(c raft.Configuration, without raft.ServerID) error {
	voters := votersOf(c.Servers)
	votes := len(voters)
	voters = slices.DeleteFunc(voters, func(s raft.Server) bool { return s.ID == without })
	if len(voters) == votes { // it has none
		return nil
	}
	if len(voters) == 0 {
		return fmt.Errorf("%w: %s is the only voter", ErrMajority, without)
	}
	alive := 0
	var silent []string
	for _, s := range voters {
		if err := n.lookout.of(s.ID).err; s.ID != serverID(n.identity) && err != nil {
			silent = append(silent, nodeOf(s.ID))
			continue
		}
		alive++
	}
	if alive < len(voters)/2+1 {
		return fmt.Errorf("%w: without %s, %d of %d voters would answer (not %s)", ErrMajority, nodeOf(without), alive, len(voters), strings.Join(silent, ", "))
	}
	return nil
}

// changed waits for a change of the configuration.
func (n *Node) changed(f raft.IndexFuture) error {
	err := f.Error()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrLeadershipLost):
		return ErrUnknownOutcome
	case lost(err):
		return n.refusal()
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// MemberState is a member and how it does, as far as the leader knows.
type MemberState struct {
	Member
	Description
	// Problem says why it doesn't answer; empty: it does.
	Problem string
	// Healthy means that it follows closely.
	Healthy bool
}

// Members tells how all members do. Only the leader knows.
func (n *Node) Members() ([]MemberState, error) {
	if !n.leadership.serving() {
		return nil, n.refusal()
	}
	st := n.Status()
	list := make([]MemberState, 0, len(st.Members))
	for _, m := range st.Members {
		x := MemberState{Member: m}
		if m.ServerID == st.ServerID {
			x.Description, x.Healthy = n.Describe(), true
		} else {
			seen := n.lookout.of(raft.ServerID(m.ServerID))
			x.Description = seen.Description
			if seen.err != nil {
				x.Problem = seen.err.Error()
			}
			x.Healthy = seen.err == nil && seen.LastContact >= 0 && seen.LastContact <= 2*n.config.Raft.HeartbeatTimeout &&
				seen.LastIndex+maxTrailing >= st.LastIndex
		}
		list = append(list, x)
	}
	return list, nil
}

// Serving reports whether this member leads and serves.
func (n *Node) Serving() bool { return n.leadership.serving() }

// Lag is how far this member's state may be behind: by how many entries that it knows to be committed, and how long ago it
// heard of the leader; 0 for the leader itself, negative: never.
func (n *Node) Lag() (entries uint64, contact time.Duration) {
	commit, applied := n.raft.CommitIndex(), n.replica.applied.index.Load()
	at := n.raft.LastContact()
	switch {
	case n.leadership.serving():
	case at.IsZero():
		contact = -1
	default:
		contact = time.Since(at)
	}
	return commit - min(applied, commit), contact
}

// OtherLeader is the Raft address of another member that leads; empty: none is known to.
func (n *Node) OtherLeader() string {
	address, id := n.raft.LeaderWithID()
	if id == serverID(n.identity) {
		return ""
	}
	return string(address)
}

// LeaderAPI is where clients reach the leader, if another member leads and has said so.
func (n *Node) LeaderAPI() string {
	_, leader := n.raft.LeaderWithID()
	return n.lookout.of(leader).API
}
