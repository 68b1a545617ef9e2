package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/test/process"
)

// archiveOf makes an archive of a stopped server's state.
func archiveOf(t *testing.T, dataDir string) string {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dataDir, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	m, p, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "full.rowlock")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := archive.Create(f, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	_, err = w.Close(archive.Manifest{
		Kind: archive.Full, ClusterID: "source", Created: time.Now(), Timeline: fmt.Sprintf("%016x", m.Timeline().ID), Index: p.Index, Term: p.Term,
		StateTime: time.UnixMicro(m.Now()), FeatureLevel: m.FeatureLevel(), Hash: fmt.Sprintf("%016x", m.Hash()), LiveTasks: m.LiveTasks(),
	})
	v.Close()
	if err := errors.Join(err, f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// sourceArchive is an archive of a server with so many pending tasks of so many bytes.
func sourceArchive(t *testing.T, tasks, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	batch := make([]client.NewTask, tasks)
	for i := range batch {
		batch[i] = client.NewTask{Args: client.Raw("", fmt.Appendf(nil, `{"n":%d,"x":"%s"}`, i, strings.Repeat("x", bytes))), Options: []client.Option{client.Queue("saved")}}
	}
	if _, err := c.EnqueueMany(limited(t), batch); err != nil {
		t.Fatal(err)
	}
	stop(t, n.Process)
	return archiveOf(t, dir)
}

// restoredStatus is what `rowlock cluster status` tells of restores.
type restoredStatus struct {
	ClusterID      string `json:"cluster_id"`
	LiveTasks      int    `json:"live_tasks"`
	SuspendedSince string `json:"suspended_since"`
	Timeline       struct {
		ID string `json:"id"`
	} `json:"timeline"`
}

func statusOf(t *testing.T, n *process.Node) (s restoredStatus, err error) {
	t.Helper()
	code, stdout, stderr, err := process.Run(limited(t), binary, process.Options{Args: []string{"cluster", "status", "-o", "json", "--addr", n.API}})
	if err != nil || code != 0 {
		return s, fmt.Errorf("exit code %d: %s %w", code, stderr, err)
	}
	return s, json.Unmarshal([]byte(stdout), &s)
}

// TestRestoreIntoCluster restores a backup into a running cluster, with a producer and a worker that stay connected.
func TestRestoreIntoCluster(t *testing.T) {
	const saved = 500
	from := sourceArchive(t, saved, 10)
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	before, err := statusOf(t, &c.addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	producer := connect(t, &c.addrs[1])
	enqueue(t, producer, "lost", "1")
	work(t, &c.addrs[2], "--queues", "saved,fresh", "--exec", "cat")
	enqueue(t, producer, "fresh", "0")

	if code, _, stderr := rowlock(t, &c.addrs[0], "backup", "restore", "--from", from); code != 2 || !strings.Contains(stderr, "--yes") {
		t.Errorf("without --yes: exit code %d, %s", code, stderr)
	}
	if out := must(t, &c.addrs[0], "backup", "restore", "--from", from, "--dry-run"); !strings.Contains(out, "nothing was changed") {
		t.Errorf("a dry run said %s", out)
	}
	follower := (c.leader(0) + 1) % 3
	out := must(t, &c.addrs[follower], "backup", "restore", "--from", from, "--yes", "-o", "json")
	var done struct {
		ClusterID string `json:"cluster_id"`
		LiveTasks int    `json:"live_tasks"`
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.ClusterID != before.ClusterID || done.LiveTasks != saved {
		t.Fatalf("restore said %s, %v", out, err)
	}
	for i := range 3 {
		eventually(t, "all members have the restored state", func(context.Context) (bool, error) {
			s, err := statusOf(t, &c.addrs[i])
			return err == nil && s.Timeline.ID == "0000000000000001" && s.SuspendedSince != "" && s.LiveTasks >= saved, errors.Join(err, fmt.Errorf("%+v", s))
		})
	}
	if q, err := producer.Queues().Get(limited(t), "lost"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the queue of a task of before the restore: %+v %v", q, err)
	}
	// The producer goes on by itself, and nothing runs yet, whatever the worker asks for.
	id := enqueue(t, producer, "fresh", "2")
	if out := c.at(0, "task", "explain", id); !strings.Contains(out, "rowlock cluster resume") {
		t.Errorf("explain said %s", out)
	}
	if got := until(t, producer, id, "it waits", isState(client.Pending)); got.Attempt != 0 {
		t.Errorf("it ran: %+v", got)
	}
	c.at(1, "cluster", "resume", "--yes")
	until(t, producer, id, "it is done", isState(client.Completed))
	eventually(t, "the saved tasks are done", func(ctx context.Context) (bool, error) {
		q, err := producer.Queues().Get(ctx, "saved")
		return err == nil && q.CompletedTotal == saved && q.Pending+q.Running == 0, errors.Join(err, fmt.Errorf("%+v", q))
	})
	if out := c.at(2, "cluster", "resume", "--yes"); !strings.Contains(out, "not suspended") {
		t.Errorf("a second resume said %s", out)
	}
}

// TestRestoreKill kills members while a backup is being restored: when all are back, all have the old state or all the new one.
func TestRestoreKill(t *testing.T) {
	const saved = 20_000
	from := sourceArchive(t, saved, 10)
	rounds := 5
	if !testing.Short() {
		rounds = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	timelines := map[string]bool{}
	for round := range rounds {
		through := connect(t, &c.addrs[round%3])
		enqueue(t, through, "marker", "1")
		restore, err := process.Start(binary, process.Options{Args: []string{
			"backup", "restore", "--from", from, "--yes", "--call-timeout", "5s", "--addr", c.addrs[round%3].API}})
		if err != nil {
			t.Fatal(err)
		}
		lead := c.leader(round % 3)
		pause(t.Context(), time.Duration(random.IntN(600))*time.Millisecond)
		victims := []int{lead}
		if round%2 == 1 {
			victims = []int{(lead + 1) % 3, (lead + 2) % 3}
		}
		for _, i := range victims {
			kill(t, c.nodes[i].Process)
		}
		c.start(victims...)
		code, err := restore.Wait(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		c.voters(0, 3)
		var first restoredStatus
		eventually(t, "all members have the same state", func(context.Context) (bool, error) {
			for i := range 3 {
				s, err := statusOf(t, &c.addrs[i])
				if err != nil {
					return false, err
				}
				if i == 0 {
					first = s
				} else if s != first {
					return false, fmt.Errorf("%+v and %+v", s, first)
				}
			}
			return true, nil
		})
		timelines[first.Timeline.ID] = true
		t.Logf("round %d: restore ended with %d, timeline %s, %d tasks", round, code, first.Timeline.ID, first.LiveTasks)
		if code == 0 && first.LiveTasks != saved {
			t.Errorf("restored, and there are %d tasks, want %d", first.LiveTasks, saved)
		}
		if first.Timeline.ID != "0000000000000000" && first.LiveTasks < saved {
			t.Errorf("timeline %s has %d tasks, want %d at least", first.Timeline.ID, first.LiveTasks, saved)
		}
	}
	c.at(0, "backup", "restore", "--from", from, "--yes")
	c.at(0, "cluster", "resume", "--yes")
	connectAndEnqueue(t, c)
	t.Logf("timelines %v", timelines)
}

// connectAndEnqueue sees to it that the cluster takes tasks.
func connectAndEnqueue(t *testing.T, c *cluster) {
	t.Helper()
	id := enqueue(t, connect(t, &c.addrs[0]), "after", "1")
	until(t, connect(t, &c.addrs[2]), id, "it is there", isState(client.Pending))
}

// TestRestoreOfflineKill kills the command while it makes data directories: a server refuses what is left, or begins anew; the
// same command ends it.
func TestRestoreOfflineKill(t *testing.T) {
	const saved = 20_000
	from := sourceArchive(t, saved, 10)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 6 {
		dir := t.TempDir()
		args := []string{"backup", "restore", "--from", from, "--yes", "--temp-dir", t.TempDir()}
		c := newCluster(t, 3)
		for i := range 3 {
			c.dir = dir
			args = append(args, "--member", fmt.Sprintf("n%d=%s=%s", i, c.addrs[i].Raft, c.data(i)))
		}
		restore, err := process.Start(binary, process.Options{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), time.Duration(random.IntN(900))*time.Millisecond)
		if err := restore.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		for i := range 3 { // none may start from a part
			if _, err := os.Stat(filepath.Join(c.data(i), "restoring")); err != nil {
				continue
			}
			code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: []string{
				"server", "--data-dir", c.data(i), "--node-id", fmt.Sprintf("n%d", i), "--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}})
			if err != nil || code == 0 || !strings.Contains(stderr, "backup restore") {
				t.Errorf("a server started from an unfinished restore: %d, %s %v", code, stderr, err)
			}
		}
		code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: args})
		if err != nil || code != 0 && !strings.Contains(stderr, "isn't empty") { // or it had been done
			t.Fatalf("round %d: run again: exit code %d: %s %v", round, code, stderr, err)
		}
		c.start(0, 1, 2)
		c.voters(0, 3)
		s, err := statusOf(t, &c.addrs[round%3])
		if err != nil || s.LiveTasks != saved || s.SuspendedSince == "" {
			t.Errorf("status %+v %v", s, err)
		}
		for i := range 3 {
			stop(t, c.nodes[i].Process)
		}
	}
}
