package runbook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rowlock/rowlock/test/process"
)

const members = 3

// patience is how long anything may take to come about.
const patience = 60 * time.Second

// group is what a page is executed against: members and workers, each a process of its own.
type group struct {
	t     *testing.T
	dir   string
	addrs []process.Node // of each member, running or not; one more than there are, for a page that adds one
	names *strings.Replacer
	real  *strings.Replacer // the other way round

	mu      sync.Mutex // guards what follows
	nodes   []*process.Node
	workers map[string]*process.Process
}

func newGroup(t *testing.T) *group {
	t.Helper()
	g := &group{t: t, dir: shortDir(t), nodes: make([]*process.Node, members+1), workers: map[string]*process.Process{}}
	ports, err := process.Reserve(3 * (members + 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	for i := range members + 1 {
		a := ports.Addrs[3*i:]
		g.addrs = append(g.addrs, process.Node{API: a[0], Raft: a[1], HTTP: a[2]})
	}
	g.translate()
	t.Cleanup(g.end)
	if err := g.found(); err != nil {
		t.Fatal(err)
	}
	return g
}

// found starts all members, which form a group.
func (g *group) found() error {
	var wg sync.WaitGroup
	errs := make([]error, members)
	for i := range members {
		wg.Go(func() { errs[i] = g.startMember(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// shortDir is a directory whose path is short: the program cuts long ones where it prints them.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "page") //nolint:usetesting // t.TempDir has the name of the test in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// translate pairs what pages say with what is so here.
func (g *group) translate() {
	backups := filepath.Join(g.dir, "backups")
	if err := os.Mkdir(backups, 0o700); err != nil {
		g.t.Fatal(err)
	}
	pairs := []string{"/var/backups/rowlock", backups}
	for i := len(g.addrs) - 1; i >= 0; i-- { // longer paths come first
		host := fmt.Sprintf("rowlock-%d.rowlock:", i)
		pairs = append(pairs, host+"7300", g.addrs[i].API, host+"7301", g.addrs[i].Raft, host+"7302", g.addrs[i].HTTP)
		if i > 0 {
			pairs = append(pairs, fmt.Sprintf("/var/lib/rowlock-%d", i), g.data(i))
		}
	}
	pairs = append(pairs, "/var/lib/rowlock", g.data(0))
	back := make([]string, len(pairs))
	for i := 0; i < len(pairs); i += 2 {
		back[i], back[i+1] = pairs[i+1], pairs[i]
	}
	g.names, g.real = strings.NewReplacer(pairs...), strings.NewReplacer(back...)
}

func (g *group) data(i int) string { return filepath.Join(g.dir, "data", strconv.Itoa(i)) }

func (g *group) api() string {
	list := make([]string, members)
	for i := range list {
		list[i] = g.addrs[i].API
	}
	return strings.Join(list, ",")
}

func (g *group) startMember(i int, flags ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := append([]string{
		"server", "--data-dir", g.data(i), "--node-id", fmt.Sprintf("rowlock-%d", i), "--join", g.api(), "--bootstrap-expect", "3", "--log-format", "text",
	}, flags...)
	n, err := process.StartNode(ctx, binary, &g.addrs[i], args...)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nodes[i] = n
	return nil
}

// member starts and ends members, as a page's set-up asks.
func (g *group) member(verb, number string, flags []string) error {
	if verb == "start" && number == "all" {
		return g.found()
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i > members {
		return fmt.Errorf("member %q: want 0 to %d", number, members)
	}
	g.mu.Lock()
	n := g.nodes[i]
	g.mu.Unlock()
	switch {
	case verb == "start":
		return g.startMember(i, flags...)
	case verb == "wipe":
		return os.RemoveAll(g.data(i))
	case n == nil:
		return fmt.Errorf("member %d doesn't run", i)
	case verb == "kill":
		return n.Kill()
	case verb == "stop":
		return stop(n.Process)
	}
	return fmt.Errorf("member %s: want start, stop, kill or wipe", verb)
}

// worker starts and ends workers.
func (g *group) worker(verb, name string, flags []string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.workers[name]
	switch {
	case verb == "start":
		p, err := process.Start(binary, process.Options{
			Args: append([]string{"worker", "--name", name, "--addr", g.api()}, flags...), Dir: g.dir, Env: g.environment(),
		})
		g.workers[name] = p
		return err
	case w == nil:
		return fmt.Errorf("there is no worker %s", name)
	case verb == "kill":
		return w.Kill()
	case verb == "stop":
		return stop(w)
	case verb == "wait":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		code, err := w.Wait(ctx)
		if err == nil && code != 0 {
			err = fmt.Errorf("worker %s ended with %d: %s", name, code, w.Stderr)
		}
		return err
	}
	return fmt.Errorf("worker %s: want start, stop, kill or wait", verb)
}

// environment is what commands and workers find: the program, jq, and the group's addresses.
func (g *group) environment() []string {
	return []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "ROWLOCK_ADDR=" + g.api(), "PAGE_DIR=" + g.dir, "HOME=" + g.dir}
}

func stop(p *process.Process) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_, err := p.Wait(ctx)
	return err
}

// end kills all that runs, and shows what it said if the test failed.
func (g *group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	say := func(name string, p *process.Process) {
		if err := p.Kill(); err != nil {
			g.t.Error(err)
		}
		if g.t.Failed() {
			g.t.Logf("%s said:\n%s", name, p.Stderr)
		}
	}
	for i, n := range g.nodes {
		if n != nil {
			say(fmt.Sprintf("member %d", i), n.Process)
		}
	}
	for name, w := range g.workers {
		if w != nil {
			say("worker "+name, w)
		}
	}
}
