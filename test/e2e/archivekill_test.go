package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// appliedIndex is the last entry that the leader has applied.
func appliedIndex(t *testing.T, through *process.Node) string {
	t.Helper()
	var index uint64
	eventually(t, "the leader tells its index", func(context.Context) (bool, error) {
		var status struct {
			AppliedIndex uint64 `json:"applied_index"`
		}
		code, stdout, stderr := rowlock(t, through, "cluster", "status", "-o", "json")
		if code != 0 {
			return false, errors.New(stderr)
		}
		err := json.Unmarshal([]byte(stdout), &status)
		index = status.AppliedIndex
		return index > 0, err
	})
	return strconv.FormatUint(index, 10)
}

// restoreWhenArchived makes a data directory of the state at a destination, as soon as the archive covers what the arguments ask
// for, and serves it.
func restoreWhenArchived(t *testing.T, dest string, args ...string) *process.Node {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	args = append([]string{"backup", "restore", "--from", dest, "--data-dir", dir, "--yes"}, args...)
	eventually(t, "the archive covers it", func(ctx context.Context) (bool, error) {
		code, _, stderr, err := process.Run(ctx, binary, process.Options{Args: args})
		if err == nil && code != 0 && code != 3 {
			t.Fatalf("rowlock %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
		}
		return code == 0, errors.Join(err, errors.New(stderr))
	})
	return serve(t, dir, nil)
}

// TestArchivingLeaderKilled kills the leader, which archives the log, again and again under load. What is archived in the end has
// every task that was acknowledged, as it was.
func TestArchivingLeaderKilled(t *testing.T) {
	rounds := 2
	if !testing.Short() {
		rounds = 12
	}
	dest := t.TempDir()
	c := newCluster(t, 3, "--archive-to", dest, "--archive-every", "100ms")
	c.start(0, 1, 2)
	c.voters(0, 3)
	api, err := client.New(client.Config{Addrs: strings.Split(c.api(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	l := startLoad(t, api, newLedger(), 4, 2)
	for round := range rounds {
		before, done := l.counts()
		lead := c.leader(round % 3)
		pause(t.Context(), time.Duration(rand.IntN(400))*time.Millisecond)
		kill(t, c.nodes[lead].Process)
		eventually(t, "progress under another leader", func(context.Context) (bool, error) {
			accepted, completed := l.counts()
			return accepted > before+20 && completed > done+20, fmt.Errorf("%d accepted, %d completed", accepted-before, completed-done)
		})
		c.start(lead)
		c.voters(round%3, 3)
	}
	l.end()
	index := appliedIndex(t, &c.addrs[0])
	restored := restoreWhenArchived(t, dest, "--to-index", index)
	l.checkAll(t, connect(t, restored))
	accepted, completed := l.counts()
	t.Logf("%d acknowledged tasks, %d of them completed, are in the archive up to entry %s", accepted, completed, index)
	must(t, restored, "cluster", "resume", "--yes")
	checkNoDoubles(t, connect(t, restored))
}

// TestRestoreMomentOffline restores two earlier moments of a server that archives its log into new data directories: each has the
// tasks that were acknowledged by then, as they were, and none of later.
func TestRestoreMomentOffline(t *testing.T) {
	dest := t.TempDir()
	n := serve(t, t.TempDir(), nil, "--archive-to", dest, "--archive-every", "100ms")
	c := connect(t, n)
	export := func(n *process.Node) string {
		t.Helper()
		return must(t, n, "task", "export", "--state", "pending,scheduled,dead_letter,completed,cancelled")
	}
	work(t, n, "--queues", "done", "--exec", "cat")
	finished := enqueue(t, c, "done", `{"n":1}`)
	until(t, c, finished, "it is done", isState(client.Completed))
	enqueueMany(t, c, "wait", 50)
	enqueue(t, c, "wait", `1`, client.Delay(time.Hour))
	cancelled := enqueue(t, c, "wait", `2`)
	if _, err := c.Cancel(limited(t), cancelled); err != nil {
		t.Fatal(err)
	}
	last, err := c.Get(limited(t), enqueue(t, c, "wait", `"last"`))
	if err != nil {
		t.Fatal(err)
	}
	// The moment is that of the last task's entry, as the state has it: a clock of this test tells nothing of entries.
	first := export(n)
	later := enqueue(t, c, "wait", `"later"`)
	if _, err := c.Cancel(limited(t), last.ID); err != nil {
		t.Fatal(err)
	}
	second, index := export(n), appliedIndex(t, n)
	latest := enqueue(t, c, "wait", `"latest"`)

	byTime := restoreWhenArchived(t, dest, "--to-time", last.EnqueuedAt.Format(time.RFC3339Nano))
	byIndex := restoreWhenArchived(t, dest, "--to-index", index)
	kill(t, n.Process)
	for what, r := range map[string]struct {
		n    *process.Node
		want string
		none []string
	}{
		"to a time":   {byTime, first, []string{later, latest}},
		"to an index": {byIndex, second, []string{latest}},
	} {
		if s, err := statusOf(t, r.n); err != nil || s.SuspendedSince == "" || s.Timeline.ID == strings.Repeat("0", 16) {
			t.Errorf("%s: status %+v, %v", what, s, err)
		}
		if got := export(r.n); got != r.want {
			t.Errorf("%s: the tasks are\n%s\nwant\n%s", what, got, r.want)
		}
		for _, id := range r.none {
			if code, _, _ := rowlock(t, r.n, "task", "get", id); code != 3 {
				t.Errorf("%s: task %s of later: exit code %d", what, id, code)
			}
		}
		must(t, r.n, "cluster", "resume", "--yes")
		work(t, r.n, "--queues", "wait", "--exec", "cat")
		id := enqueue(t, connect(t, r.n), "wait", `"new"`)
		until(t, connect(t, r.n), id, "a new task is done", isState(client.Completed))
	}
}
