package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/test/process"
)

const (
	// formTime is how long three servers may take to be a group, or to be one again.
	formTime = time.Minute
	// askTime bounds one question to the group, askPause is between two.
	askTime  = 5 * time.Second
	askPause = 100 * time.Millisecond
)

// group is three members and a connection to ask them how they do.
type group struct {
	ports   *process.Reservation
	members []*member
	client  *client.Client
	cluster rowlockv1.ClusterServiceClient
}

// startGroup starts three members and waits until they are one group. On an error nothing is left running.
func startGroup(ctx context.Context, c config) (*group, error) {
	ports, err := process.Reserve(9)
	if err != nil {
		return nil, err
	}
	g := &group{ports: ports, members: newMembers(c, ports.Addrs)}
	if g.client, err = client.New(client.Config{Addrs: g.addrs(0), OneShot: true}); err != nil {
		ports.Release()
		return nil, err
	}
	g.cluster = rowlockv1.NewClusterServiceClient(g.client.Conn())
	for _, m := range g.members {
		if err := m.start(); err != nil {
			return nil, errors.Join(err, g.close())
		}
	}
	if err := g.awaitHealth(ctx); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// addrs are all API addresses, beginning with that of one member.
func (g *group) addrs(first int) []string {
	addrs := make([]string, len(g.members))
	for i := range addrs {
		addrs[i] = g.members[(first+i)%len(g.members)].api
	}
	return addrs
}

// close ends the members.
func (g *group) close() error {
	errs := []error{g.client.Close()}
	for _, m := range g.members {
		errs = append(errs, m.kill())
	}
	g.ports.Release()
	return errors.Join(errs...)
}

// leader is the member that leads.
func (g *group) leader(ctx context.Context) (*member, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	status, err := g.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking who leads: %w", err)
	}
	for _, m := range g.members {
		if m.id == status.GetLeaderId() {
			return m, nil
		}
	}
	return nil, fmt.Errorf("the leader %q is none of the members", status.GetLeaderId())
}

// awaitHealth waits until all members are healthy voters.
func (g *group) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, formTime)
	defer cancel()
	for {
		problem := g.unhealthy(ctx)
		if problem == nil {
			return nil
		}
		select {
		case <-time.After(askPause):
		case <-ctx.Done():
			return fmt.Errorf("the group isn't healthy after %s: %w", formTime, problem)
		}
	}
}

// unhealthy says what is wrong with the group; nil: nothing.
func (g *group) unhealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := g.cluster.ListMembers(ctx, &rowlockv1.ListMembersRequest{})
	if err != nil {
		return err
	}
	if got := len(answer.GetMembers()); got != len(g.members) {
		return fmt.Errorf("it has %d members", got)
	}
	for _, m := range answer.GetMembers() {
		if !m.GetHealthy() || m.GetMember().GetRole() != "voter" {
			return fmt.Errorf("%s is a %s and healthy: %t %s", m.GetMember().GetId(), m.GetMember().GetRole(), m.GetHealthy(), m.GetProblem())
		}
	}
	return nil
}
