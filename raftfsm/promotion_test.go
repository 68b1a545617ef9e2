package raftfsm

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// TestPromotionOfWhatHasLeft: autopilot, whose view of the group is a little old, takes nobody in again whom an operator has removed, and
// makes standbys voters.
func TestPromotionOfWhatHasLeft(t *testing.T) {
	g := newGroup(t, 1, func(c *Config) { c.MaxVoters = 1 }) // autopilot itself promotes nobody
	m := g.add(false, nil)
	g.join(1, false)
	wait(t, m.Ready())
	id, address := serverID(m.identity), raft.ServerAddress(m.network.Addr().String())
	promote := func() error {
		return g.again("autopilot has changed the group", func(l *member) error {
			return l.changed(pilot{l.Node}.raft().AddVoter(id, address, 0, 0))
		})
	}
	suffrage := func() (s raft.ServerSuffrage, is bool) {
		err := g.again("its suffrage", func(l *member) error {
			c, _, err := l.members()
			if err == nil {
				found, missing := find(c, string(id))
				s, is = found.Suffrage, missing == nil
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s, is
	}
	for range 2 {
		if err := promote(); err != nil {
			t.Fatal(err)
		}
		if s, is := suffrage(); !is || s != raft.Voter {
			t.Fatalf("it is %v, a member: %v", s, is)
		}
	}
	if err := g.again("it is removed", func(l *member) error { return l.Remove(t.Context(), string(id)) }); err != nil && !errors.Is(err, ErrNoMember) {
		t.Fatal(err)
	}
	if err := promote(); !errors.Is(err, ErrNoMember) {
		t.Errorf("promoted after its removal: %v", err)
	}
	if _, is := suffrage(); is {
		t.Error("it is a member again")
	}
}
