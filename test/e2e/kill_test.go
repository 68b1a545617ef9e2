package e2e

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
)

// quickly has a server that is alone lead sooner after its start: it can't lose the leadership.
var quickly = []string{"--raft-profile", "fast"}

// TestKill kills the server again and again under load. After each restart everything that was acknowledged must be
// there, and what was acknowledged as done must not run again.
func TestKill(t *testing.T) {
	rounds := 12
	if !testing.Short() {
		rounds = 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	dir := t.TempDir()
	n := serve(t, dir, nil, quickly...)
	c := connect(t, n)
	l := startLoad(t, c, newLedger(), 8, 4)
	for round := range rounds {
		// Long enough for some kills to hit a checkpoint, short enough for some to hit the start.
		before, _ := l.counts()
		pause(t.Context(), time.Duration(random.IntN(1500))*time.Millisecond)
		kill(t, n.Process)
		n = serve(t, dir, n, quickly...)
		l.checkNews(t, c)
		if t.Failed() {
			t.Fatalf("in round %d\n%s", round, n.Stderr)
		}
		if round%10 == 9 {
			accepted, completed := l.counts()
			t.Logf("round %d: %d enqueues acknowledged, %d of them in this round, %d completions", round, accepted, accepted-before, completed)
		}
	}
	l.end()
	l.checkAll(t, c)
	checkNoDoubles(t, c)
	accepted, completed := l.counts()
	if accepted < 10*rounds || completed < 10*rounds {
		t.Errorf("only %d enqueues and %d completions were acknowledged: that was no load", accepted, completed)
	}

	// What is left gets done, after a last restart without a kill.
	stop(t, n.Process)
	n = serve(t, dir, n)
	l = startLoad(t, c, l.ledger, 0, 4)
	for _, queue := range []string{loadQueue, streamQueue} {
		eventually(t, "the queue "+queue+" is empty", func(ctx context.Context) (bool, error) {
			q, err := c.Queues().Get(ctx, queue)
			return err == nil && q.Pending+q.Scheduled+q.Running == 0, err
		})
	}
	l.end()
	for task, err := range c.List(limited(t), client.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("task %s is %s after all is done", task.ID, task.State)
	}
	stop(t, n.Process)
}
