package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestPowerLoss cuts the power under load: what the file system hasn't synced is gone. Everything that was acknowledged
// must be there when it is back.
func TestPowerLoss(t *testing.T) {
	rounds := 8
	if !testing.Short() {
		rounds = 40
	}
	d := newDisk(t, 512)
	n := serve(t, d.dir, nil, "--min-free", "16MiB")
	c := connect(t, n)
	l := startLoad(t, c, newLedger(), 8, 4)
	for round := range rounds {
		pause(t.Context(), time.Duration(300+rand.IntN(1500))*time.Millisecond)
		d.cutPower(t)
		// A server that goes on would acknowledge what no disk has.
		if code, err := n.Wait(limited(t)); err != nil || code == 0 {
			t.Errorf("the server did not fail with its disk: exit code %d, error %v", code, err)
		}
		kill(t, n.Process)
		if err := d.unmount(); err != nil {
			t.Fatal(err)
		}
		if err := d.mount(); err != nil {
			t.Fatal(err)
		}
		n = serve(t, d.dir, n, "--min-free", "16MiB")
		l.checkNews(t, c)
		if t.Failed() {
			t.Fatalf("in round %d\n%s", round, n.Stderr)
		}
	}
	l.end()
	l.checkAll(t, c)
	checkNoDoubles(t, c)
	accepted, completed := l.counts()
	t.Logf("%d enqueues and %d completions were acknowledged in %d rounds", accepted, completed, rounds)
	if accepted < 10*rounds || completed < 10*rounds {
		t.Error("that was no load")
	}
	stop(t, n.Process)
}
