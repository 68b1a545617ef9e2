package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// stepPause is how long after one look at the members comes the next.
const stepPause = 100 * time.Millisecond

// awaitStep waits until all members are voters who agree on the leader, which it returns, and each has applied what any of
// them had committed a moment before.
func (g *group) awaitStep(ctx context.Context) (leader string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(stepPause)
	defer tick.Stop()
	var committed uint64
	for {
		views, err := g.views(ctx)
		if err == nil {
			if err = compare(views, committed); err == nil && committed > 0 {
				return views[0].LeaderID, nil
			}
			for _, v := range views {
				committed = max(committed, v.CommitIndex)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the members aren't in step: %w", errors.Join(err, ctx.Err()))
		}
	}
}

// compare says in what the members aren't in step.
func compare(views []*client.Status, committed uint64) error {
	for i, v := range views {
		switch {
		case v.NodeID != name(i):
			return fmt.Errorf("%s answers in place of %s", v.NodeID, name(i))
		case v.LeaderID == "" || v.LeaderID != views[0].LeaderID:
			return fmt.Errorf("%s follows %q, %s follows %q", v.NodeID, v.LeaderID, views[0].NodeID, views[0].LeaderID)
		case v.AppliedIndex < committed:
			return fmt.Errorf("%s has applied %d of %d", v.NodeID, v.AppliedIndex, committed)
		case len(v.Members) != len(views):
			return fmt.Errorf("%s knows %d members of %d", v.NodeID, len(v.Members), len(views))
		}
		for _, m := range v.Members {
			if m.Role != "voter" {
				return fmt.Errorf("%s is a %s", m.ID, m.Role)
			}
		}
	}
	return nil
}

// views is how each member sees the group.
func (g *group) views(ctx context.Context) ([]*client.Status, error) {
	views := make([]*client.Status, len(g.nodes))
	err := g.each(func(i int, c *client.Client) (err error) {
		views[i], err = c.Status(ctx)
		return err
	})
	return views, err
}

// each calls f with a client of each member alone.
func (g *group) each(f func(i int, c *client.Client) error) error {
	for i, addr := range g.addrs {
		c, err := client.New(client.Config{Addrs: []string{addr}, OneShot: true})
		if err != nil {
			return err
		}
		err = f(i, c)
		c.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name(i), err)
		}
	}
	return nil
}
