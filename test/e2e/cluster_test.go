package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// cluster is a group of servers, each a process of its own, on ports that stay theirs.
type cluster struct {
	t     *testing.T
	dir   string
	addrs []process.Node // of each, running or not
	nodes []*process.Node
	flags []string

	binary string // of the servers that are started from now on, and variables of their environment
	env    []string
}

// newCluster makes room for servers, and starts none.
func newCluster(t *testing.T, size int, flags ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), nodes: make([]*process.Node, size), flags: flags, binary: binary}
	ports, err := process.Reserve(3 * size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	for i := range size {
		a := ports.Addrs[3*i:]
		c.addrs = append(c.addrs, process.Node{API: a[0], Raft: a[1], HTTP: a[2]})
	}
	t.Cleanup(func() {
		for i, n := range c.nodes {
			if n != nil {
				kill(t, n.Process)
				if t.Failed() {
					t.Logf("server %d said:\n%s", i, n.Stderr)
				}
			}
		}
	})
	return c
}

func (c *cluster) data(i int) string { return filepath.Join(c.dir, fmt.Sprintf("n%d", i)) }

// api are the API addresses of all servers.
func (c *cluster) api() string {
	list := make([]string, 0, len(c.addrs))
	for _, a := range c.addrs {
		list = append(list, a.API)
	}
	return strings.Join(list, ",")
}

// args start a server.
func (c *cluster) args(i int) []string {
	return append([]string{"server", "--data-dir", c.data(i), "--node-id", fmt.Sprintf("n%d", i), "--join", c.api(),
		"--bootstrap-expect", "3", "--log-format", "text"}, c.flags...)
}

// start starts servers at the same time, and waits until all are ready.
func (c *cluster) start(which ...int) {
	c.t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, len(which))
	for _, i := range which {
		wg.Go(func() {
			n, err := process.StartNodeIn(limited(c.t), c.binary, c.env, &c.addrs[i], c.args(i)...)
			if err != nil {
				errs <- err
				return
			}
			c.nodes[i] = n
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		c.t.Fatal(err)
	default:
	}
}

// member is a line of `rowlock cluster members`.
type member struct {
	ID       string `json:"id"`
	ServerID string `json:"server_id"`
	Role     string `json:"role"`
	Leader   bool   `json:"leader"`
	Healthy  bool   `json:"healthy"`
}

// members asks through a server, until the group is as wanted.
func (c *cluster) await(through int, what string, holds func(map[string]member) bool) map[string]member {
	c.t.Helper()
	var found map[string]member
	eventually(c.t, what, func(ctx context.Context) (bool, error) {
		code, stdout, stderr, err := process.Run(ctx, binary, process.Options{Args: []string{
			"cluster", "members", "-o", "json", "--addr", c.addrs[through].API, "--call-timeout", "5s"}})
		if err != nil || code != 0 {
			return false, fmt.Errorf("exit code %d: %s %w", code, stderr, err)
		}
		var list []member
		if err := json.Unmarshal([]byte(stdout), &list); err != nil {
			return false, err
		}
		found = map[string]member{}
		for _, m := range list {
			found[m.ID] = m
		}
		return holds(found), fmt.Errorf("members %+v", found)
	})
	return found
}

// voters waits until so many healthy voters are led.
func (c *cluster) voters(through, n int) map[string]member {
	c.t.Helper()
	return c.await(through, fmt.Sprintf("%d healthy voters", n), func(list map[string]member) bool {
		leaders, voters := 0, 0
		for _, m := range list {
			if m.Leader {
				leaders++
			}
			if m.Role == "voter" && m.Healthy {
				voters++
			}
		}
		return leaders == 1 && voters == n && len(list) == n
	})
}

// leader is the number of the server that leads.
func (c *cluster) leader(through int) int {
	c.t.Helper()
	for id, m := range c.await(through, "a leader", func(list map[string]member) bool {
		for _, m := range list {
			if m.Leader {
				return true
			}
		}
		return false
	}) {
		if m.Leader {
			var i int
			if _, err := fmt.Sscanf(id, "n%d", &i); err == nil {
				return i
			}
		}
	}
	c.t.Fatal("no leader")
	return 0
}

// at runs a command against one server.
func (c *cluster) at(i int, args ...string) string {
	c.t.Helper()
	return must(c.t, &c.addrs[i], args...)
}

// TestClusterForms starts three servers at once: they are one group, and each takes any call.
func TestClusterForms(t *testing.T) {
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	ids := map[string]bool{}
	for i := range 3 {
		ids[strings.TrimSpace(c.at(i, "enqueue", "any", "--payload", `{"n":1}`))] = true
	}
	if len(ids) != 3 {
		t.Fatalf("tasks %v", ids)
	}
	for i := range 3 {
		for id := range ids {
			c.at(i, "task", "get", id)
		}
	}
	clusters := map[string]bool{}
	for i := range 3 {
		var status struct {
			ClusterID string `json:"cluster_id"`
		}
		if err := json.Unmarshal([]byte(c.at(i, "cluster", "status", "-o", "json")), &status); err != nil {
			t.Fatal(err)
		}
		clusters[status.ClusterID] = true
	}
	if len(clusters) != 1 {
		t.Errorf("clusters %v", clusters)
	}
	// A worker that knows one server only, whichever leads.
	for i := range 3 {
		w := work(t, &c.addrs[i], "--queues", "any", "--exec", "cat")
		id := strings.TrimSpace(c.at((i+1)%3, "enqueue", "any"))
		third := connect(t, &c.addrs[(i+2)%3])
		until(t, third, id, "the task is done", func(task *client.TaskInfo) bool { return task.State == client.Completed })
		stop(t, w)
	}
}

// TestClusterFailover kills the leader again and again under load, as TestKill does with a single server.
func TestClusterFailover(t *testing.T) {
	rounds := 3
	if !testing.Short() {
		rounds = 20
	}
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	api, err := client.New(client.Config{Addrs: strings.Split(c.api(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	l := startLoad(t, api, newLedger(), 8, 4)
	for round := range rounds {
		before, done := l.counts()
		lead := c.leader(round % 3)
		if round%3 == 2 { // paused for longer than an election takes
			signal(t, c.nodes[lead].Process, syscall.SIGSTOP)
		} else {
			kill(t, c.nodes[lead].Process)
		}
		other := (lead + 1) % 3
		c.await(other, "another leader", func(list map[string]member) bool {
			for id, m := range list {
				if m.Leader && id != fmt.Sprintf("n%d", lead) {
					return true
				}
			}
			return false
		})
		eventually(t, "progress under another leader", func(context.Context) (bool, error) {
			accepted, completed := l.counts()
			return accepted > before+20 && completed > done+20, fmt.Errorf("%d accepted, %d completed", accepted-before, completed-done)
		})
		if round%3 == 2 {
			signal(t, c.nodes[lead].Process, syscall.SIGCONT)
		} else {
			c.start(lead)
		}
		c.voters(other, 3)
		l.checkNews(t, api)
		if t.Failed() {
			t.FailNow()
		}
	}
	l.end()
	l.checkAll(t, api)
	checkNoDoubles(t, api)
}

// TestClusterScales grows a group to five under load, wipes a member, shrinks it to one and stops politely.
func TestClusterScales(t *testing.T) {
	c := newCluster(t, 5)
	c.start(0, 1, 2)
	c.voters(0, 3)
	api, err := client.New(client.Config{Addrs: strings.Split(c.api(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	l := startLoad(t, api, newLedger(), 2, 2)
	c.start(3, 4)
	before := c.voters(0, 5)

	// A wiped disk: the member comes back as a new one.
	stop(t, c.nodes[1].Process)
	if err := os.RemoveAll(c.data(1)); err != nil {
		t.Fatal(err)
	}
	c.start(1)
	if after := c.voters(0, 5); after["n1"].ServerID == before["n1"].ServerID {
		t.Error("the wiped member has its old identity")
	}

	// All are stopped and started again.
	for i := range 5 {
		signal(t, c.nodes[i].Process, syscall.SIGTERM)
	}
	for i := range 5 {
		if code, err := c.nodes[i].Process.Wait(limited(t)); err != nil || code != 0 {
			t.Errorf("server %d: exit code %d, %v", i, code, err)
		}
	}
	c.start(0, 1, 2, 3, 4)
	c.voters(2, 5)

	for _, i := range []int{4, 3, 2, 1} {
		c.at(0, "cluster", "remove", fmt.Sprintf("n%d", i), "--yes")
		stop(t, c.nodes[i].Process)
	}
	c.voters(0, 1)
	if code, _, stderr := rowlock(t, &c.addrs[0], "cluster", "remove", "n0", "--yes"); code != 4 || !strings.Contains(stderr, "only voter") {
		t.Errorf("removing the last member: exit code %d: %s", code, stderr)
	}
	l.end()
	one := connect(t, &c.addrs[0])
	l.checkAll(t, one)
	checkNoDoubles(t, one)
}

// TestServerWithWorker runs a worker in the process of a server.
func TestServerWithWorker(t *testing.T) {
	n := serve(t, t.TempDir(), nil, "--with-worker", "--exec", "tr a-z A-Z", "--queues", "inside")
	c := connect(t, n)
	id := enqueue(t, c, "inside", "loud")
	done := until(t, c, id, "the task is done", func(task *client.TaskInfo) bool { return task.State == client.Completed })
	if string(done.Result) != "LOUD" {
		t.Errorf("the result is %q", done.Result)
	}
	stop(t, n.Process)
	code, _, stderr := rowlock(t, n, "server", "--data-dir", t.TempDir(), "--bootstrap-expect", "1", "--with-worker")
	if code != 2 || !strings.Contains(stderr, "--exec or --http") {
		t.Errorf("without a program: exit code %d: %s", code, stderr)
	}
}
