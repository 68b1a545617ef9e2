package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rowlock/rowlock/test/process"
)

const (
	size = 3 // members of a group

	// startTime is how long a member may take to serve, and a group to be whole again: there may be little left of the machine.
	startTime = 2 * time.Minute
	// commandTime bounds a command.
	commandTime = 3 * time.Minute
	askPause    = 100 * time.Millisecond
)

// group is the members, each a process of its own on addresses that stay its own.
type group struct {
	binary string
	dir    string // of the data directories
	logs   string
	flags  []string
	ports  *process.Reservation
	addrs  []process.Node // of each, running or not

	mu       sync.Mutex // guards what follows
	nodes    []*process.Node
	expected map[*process.Node]bool // those that were ended
	runs     int
}

// newGroup reserves addresses, and starts nothing.
func newGroup(binary, dir, logs string, flags ...string) (*group, error) {
	ports, err := process.Reserve(3 * size)
	if err != nil {
		return nil, err
	}
	g := &group{binary: binary, dir: dir, logs: logs, flags: flags, ports: ports, nodes: make([]*process.Node, size), expected: map[*process.Node]bool{}}
	for free := ports.Addrs; len(free) > 0; free = free[3:] {
		g.addrs = append(g.addrs, process.Node{API: free[0], Raft: free[1], HTTP: free[2]})
	}
	return g, nil
}

func name(i int) string { return fmt.Sprintf("n%d", i) }

func (g *group) data(i int) string { return filepath.Join(g.dir, name(i)) }

// api are the API addresses of all members, beginning with those of one.
func (g *group) api(first int) (list []string) {
	for i := range size {
		list = append(list, g.addrs[(first+i)%size].API)
	}
	return list
}

// start starts members at the same time, and waits until all are ready.
func (g *group) start(ctx context.Context, which ...int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("not ready after %s", startTime))
	defer cancel()
	errs := make([]error, len(which))
	var starts sync.WaitGroup
	for k, i := range which {
		starts.Go(func() {
			args := append([]string{"server", "--data-dir", g.data(i), "--node-id", name(i), "--join", strings.Join(g.api(0), ","),
				"--bootstrap-expect", "3", "--log-format", "text"}, g.flags...)
			n, err := process.StartNode(ctx, g.binary, &g.addrs[i], args...)
			if err != nil {
				errs[k] = fmt.Errorf("member %s doesn't start: %w", name(i), err)
				return
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.nodes[i] = n
		})
	}
	starts.Wait()
	return errors.Join(errs...)
}

func (g *group) node(i int) *process.Node {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nodes[i]
}

// kill ends a member as kill -9 does, and keeps what it logged.
func (g *group) kill(i int) error {
	n := g.node(i)
	if n == nil {
		return nil
	}
	g.mu.Lock()
	again := g.expected[n]
	g.expected[n] = true
	g.runs++
	file := filepath.Join(g.logs, fmt.Sprintf("%s-%s-%d.log", filepath.Base(g.dir), name(i), g.runs))
	g.mu.Unlock()
	if again {
		return nil
	}
	if early := ended(n); early != nil {
		return fmt.Errorf("member %s: %w", name(i), early)
	}
	if err := n.Kill(); err != nil {
		return err
	}
	log := n.Stderr.String()
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		return err
	}
	return suspicious(name(i), log)
}

// excuse notes that a member was right to end by itself.
func (g *group) excuse(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected[g.nodes[i]] = true
}

// suspicious finds what no member should ever log.
func suspicious(member, log string) error {
	for line := range strings.Lines(log) {
		for _, sign := range []string{"state differs", "states differ", "panic: ", "fatal error: "} {
			if strings.Contains(line, sign) {
				return fmt.Errorf("member %s logged: %s", member, strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// ended is an error if a member has ended by itself.
func ended(n *process.Node) error {
	select {
	case <-n.Exited():
		lines := strings.Split(strings.TrimSpace(n.Stderr.String()), "\n")
		return fmt.Errorf("it has ended by itself; its last words:\n%s", strings.Join(lines[max(0, len(lines)-15):], "\n"))
	default:
		return nil
	}
}

// alive is an error if a member has ended by itself.
func (g *group) alive() error {
	for i := range size {
		n := g.node(i)
		g.mu.Lock()
		expected := n == nil || g.expected[n]
		g.mu.Unlock()
		if expected {
			continue
		}
		if err := ended(n); err != nil {
			return fmt.Errorf("member %s: %w", name(i), err)
		}
	}
	return nil
}

// end kills what runs.
func (g *group) end() error {
	var errs []error
	for i := range size {
		errs = append(errs, g.kill(i))
	}
	g.ports.Release()
	return errors.Join(errs...)
}

// answer is what a command ended with.
type answer struct {
	code           int
	stdout, stderr string
}

// short is the end of what the command said.
func (a answer) short() string {
	text := strings.Join(strings.Fields(a.stdout+" "+a.stderr), " ")
	if len(text) > 160 {
		text = "…" + strings.ToValidUTF8(text[len(text)-160:], "")
	}
	return text
}

// command runs rowlock; through is the member whose address comes first.
func (g *group) command(ctx context.Context, through int, args ...string) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTime, fmt.Errorf("no answer after %s", commandTime))
	defer cancel()
	code, stdout, stderr, err := process.Run(ctx, g.binary, process.Options{
		Args: args, Env: []string{"ROWLOCK_ADDR=" + strings.Join(g.api(through), ","), "TMPDIR=" + filepath.Dir(g.dir)},
	})
	if err != nil {
		return answer{}, fmt.Errorf("rowlock %s: %w", strings.Join(args, " "), err)
	}
	return answer{code, stdout, stderr}, nil
}

// status is what `rowlock cluster status` tells.
type status struct {
	AppliedIndex   uint64    `json:"applied_index"`
	SuspendedSince time.Time `json:"suspended_since"`
	Timeline       struct {
		ID string `json:"id"`
	} `json:"timeline"`
}

// status asks one member.
func (g *group) status(ctx context.Context, i int) (s status, err error) {
	a, err := g.command(ctx, i, "cluster", "status", "-o", "json", "--addr", g.addrs[i].API)
	if err == nil && a.code != 0 {
		err = fmt.Errorf("status of %s: exit code %d: %s", name(i), a.code, a.stderr)
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(a.stdout), &s)
}

// whole waits until all members are healthy voters, one leads, and nothing else is in the group.
func (g *group) whole(ctx context.Context) error {
	var last error
	err := until(ctx, startTime, func(ctx context.Context) bool {
		last = g.broken(ctx)
		return last == nil
	})
	if err != nil {
		return fmt.Errorf("the group isn't whole after %s: %w", startTime, last)
	}
	return nil
}

// broken says why the group isn't whole; nil: it is.
func (g *group) broken(ctx context.Context) error {
	a, err := g.command(ctx, 0, "cluster", "members", "-o", "json", "--call-timeout", "5s")
	if err == nil && a.code != 0 {
		err = fmt.Errorf("exit code %d: %s", a.code, a.stderr)
	}
	if err != nil {
		return err
	}
	var list []struct {
		Role            string
		Leader, Healthy bool
	}
	if err := json.Unmarshal([]byte(a.stdout), &list); err != nil {
		return err
	}
	leaders, voters := 0, 0
	for _, m := range list {
		if m.Leader {
			leaders++
		}
		if m.Role == "voter" && m.Healthy {
			voters++
		}
	}
	if leaders != 1 || voters != size || len(list) != size {
		return fmt.Errorf("members %s", a.stdout)
	}
	return nil
}

// until waits for a condition.
func until(ctx context.Context, limit time.Duration, holds func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !holds(ctx) {
		if !pause(ctx, askPause) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// pause waits; false: the context ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
