package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// memberChoice says which members a command is for.
type memberChoice struct {
	member string
	all    bool
}

func (m *memberChoice) add(cmd *cobra.Command, verb string) {
	cmd.Flags().StringVar(&m.member, "member", "", verb+" this member, by its node ID")
	cmd.Flags().BoolVar(&m.all, "all", false, verb+" every member, one after the other")
}

func (m *memberChoice) check() error {
	if m.all && m.member != "" {
		return usagef("--all and --member: say one of them")
	}
	return nil
}

// reachedMember is a member and where its API is.
type reachedMember struct{ id, addr string }

// choose finds the members that are meant: without a flag the one at --addr.
func (m *memberChoice) choose(ctx context.Context, c *connection) ([]reachedMember, error) {
	if !m.all && m.member == "" {
		return []reachedMember{{}}, nil
	}
	answer, err := c.cluster.ListMembers(ctx, &rowlockv1.ListMembersRequest{})
	if err != nil {
		return nil, err
	}
	var chosen []reachedMember
	var names []string
	for _, s := range answer.GetMembers() {
		id := s.GetMember().GetId()
		names = append(names, id)
		if !m.all && m.member != id && m.member != s.GetMember().GetServerId() {
			continue
		}
		if s.GetApiAddress() == "" {
			return nil, &exitError{code: exitUnavailable, text: fmt.Sprintf(
				"member %s doesn't answer (%s): where its API is isn't known; see 'rowlock cluster members'", id, s.GetProblem())}
		}
		chosen = append(chosen, reachedMember{id: id, addr: s.GetApiAddress()})
	}
	if len(chosen) == 0 {
		return nil, &exitError{code: exitNotFound, text: fmt.Sprintf("no member %q: there are %s", m.member, strings.Join(names, ", "))}
	}
	return chosen, nil
}

// each runs fn for the members that are meant, one after the other, with the stub of the API of each. It stops at the first
// error.
func (m *memberChoice) each(ctx context.Context, flags *clientFlags, c *connection, fn func(ctx context.Context, id string, s rowlockv1.MaintenanceServiceClient) error) error {
	members, err := m.choose(ctx, c)
	if err != nil {
		return err
	}
	for _, member := range members {
		if err := atMember(ctx, flags, c, member, fn); err != nil {
			if member.id != "" {
				err = fmt.Errorf("member %s: %w", member.id, err)
			}
			return err
		}
	}
	return nil
}

// atMember runs fn with one member's API.
func atMember(ctx context.Context, flags *clientFlags, c *connection, m reachedMember, fn func(ctx context.Context, id string, s rowlockv1.MaintenanceServiceClient) error) (err error) {
	if m.addr == "" {
		return fn(ctx, m.id, rowlockv1.NewMaintenanceServiceClient(c.Conn()))
	}
	one := *flags
	one.addrs = []string{m.addr}
	config, err := one.config()
	if err != nil {
		return err
	}
	if err := one.knock(ctx); err != nil {
		return err
	}
	other, err := client.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	return fn(ctx, m.id, rowlockv1.NewMaintenanceServiceClient(other.Conn()))
}
