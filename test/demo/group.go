package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rowlock/rowlock/test/process"
)

// group is the demo's servers, each in a process of its own.
type group struct {
	binary string
	dir    string   // with their data directories
	addrs  []string // of the API
	nodes  []*process.Node
	ports  *process.Reservation // of the members' addresses
}

// startGroup starts the servers. On an error nothing is left running.
func (d *demo) startGroup(ctx context.Context) (*group, error) {
	g := &group{binary: d.binary, dir: d.work}
	if d.members == 1 {
		d.say("Starting a node")
		node, err := process.StartNode(ctx, g.binary, nil, "dev", "--data-dir", filepath.Join(g.dir, "data"))
		if err != nil {
			return nil, err
		}
		g.nodes, g.addrs = []*process.Node{node}, []string{node.API}
		return g, nil
	}
	d.say("Starting a group of %d members", d.members)
	var err error
	if g.ports, err = process.Reserve(3 * d.members); err != nil {
		return nil, err
	}
	for free := g.ports.Addrs; len(free) > 0; free = free[3:] {
		g.nodes = append(g.nodes, &process.Node{API: free[0], Raft: free[1], HTTP: free[2]})
		g.addrs = append(g.addrs, free[0])
	}
	if err := g.form(ctx); err != nil {
		return nil, errors.Join(err, g.kill())
	}
	return g, nil
}

// form starts all members at the same time: none is ready before the others are there.
func (g *group) form(ctx context.Context) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	errs := make([]error, len(g.nodes))
	var starts sync.WaitGroup
	for i := range g.nodes {
		starts.Go(func() {
			if errs[i] = g.start(ctx, i); errs[i] != nil {
				giveUp()
			}
		})
	}
	starts.Wait()
	return errors.Join(errs...)
}

// start starts a member, or starts it again on its data directory.
func (g *group) start(ctx context.Context, i int) error {
	node, err := process.StartNode(ctx, g.binary, g.nodes[i],
		"server", "--data-dir", filepath.Join(g.dir, name(i)), "--node-id", name(i), "--advertise-host", "127.0.0.1",
		"--join", g.join(), "--bootstrap-expect", strconv.Itoa(len(g.nodes)))
	if err != nil {
		return err
	}
	g.nodes[i] = node
	return nil
}

// name is the node ID of a member.
func name(i int) string { return fmt.Sprintf("n%d", i+1) }

// join is the addresses as --addr and --join want them.
func (g *group) join() string { return strings.Join(g.addrs, ",") }

// end stops all servers in the orderly way, which must work. Where the demo has failed, what they logged is told too.
func (g *group) end(failed bool) error {
	var errs []error
	for i, node := range g.nodes {
		errs = append(errs, end(node.Process))
		if failed {
			errs = append(errs, fmt.Errorf("server %d said:\n%s", i+1, node.Stderr))
		}
	}
	return errors.Join(errs...)
}

// kill ends the members that were started.
func (g *group) kill() error {
	var errs []error
	for _, node := range g.nodes {
		if node.Process != nil {
			errs = append(errs, node.Kill())
		}
	}
	return errors.Join(errs...)
}
