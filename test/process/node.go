package process

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Node is a server that has said that it is ready.
type Node struct {
	*Process
	API, Raft, HTTP string // the addresses it listens on

	ports *Reservation // keeps them for a later run; nil: the caller has reserved them
}

// readyLine is how a server says that it serves.
var readyLine = regexp.MustCompile(`msg=ready\b|"msg":"ready"`)

// StartNode runs args (`server …`, `dev …`) on loopback ports and waits until it is ready. The addresses of an earlier run,
// where given, are used again; they stay reserved for as long as a node of them is referred to. On an error nothing is left running.
func StartNode(ctx context.Context, binary string, before *Node, args ...string) (*Node, error) {
	return StartNodeIn(ctx, binary, nil, before, args...)
}

// StartNodeIn is StartNode with variables of the environment, KEY=value.
func StartNodeIn(ctx context.Context, binary string, env []string, before *Node, args ...string) (*Node, error) {
	n := &Node{}
	if before != nil {
		n.API, n.Raft, n.HTTP, n.ports = before.API, before.Raft, before.HTTP, before.ports
	} else {
		var err error
		if n.ports, err = Reserve(3); err != nil {
			return nil, err
		}
		n.API, n.Raft, n.HTTP = n.ports.Addrs[0], n.ports.Addrs[1], n.ports.Addrs[2]
	}
	args = append(args, "--api-addr", n.API, "--raft-addr", n.Raft, "--http-addr", n.HTTP)
	var err error
	if n.Process, err = Start(binary, Options{Args: args, Env: env}); err != nil {
		return nil, err
	}
	line, err := n.Stderr.await(ctx, n.Exited(), readyLine.MatchString)
	if err == nil {
		err = n.addresses(line)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(args, " "), errors.Join(err, n.Kill()))
	}
	return n, nil
}

// addresses reads the addresses from the ready line.
func (n *Node) addresses(line string) error {
	for key, to := range map[string]*string{"api": &n.API, "raft": &n.Raft, "http": &n.HTTP} {
		match := regexp.MustCompile(`\b` + key + `(?:_addr)?"?[=:]"?([0-9.\[\]:a-z]+:\d+)`).FindStringSubmatch(line)
		if match == nil {
			return fmt.Errorf("the ready line names no %s address: %s", key, line)
		}
		*to = match[1]
	}
	return nil
}
