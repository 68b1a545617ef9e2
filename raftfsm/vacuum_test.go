package raftfsm

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// TestVacuumWhileWriting vacuums both files while tasks are enqueued: all of them are there, also after a restart.
func TestVacuumWhileWriting(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n += 50 {
			if _, err := m.Propose(context.Background(), enqueue("mail", 50)); err != nil {
				t.Error(err)
				break
			}
		}
		written <- n
	}()
	for range 3 {
		for _, file := range []string{StateFile, LogFile} {
			r, err := m.Vacuum(t.Context(), file, VacuumOptions{BytesPerSecond: 1 << 40})
			if err != nil || r.After == 0 || r.Held == 0 {
				t.Errorf("vacuum of the %s: %+v, %v", file, r, err)
			}
		}
	}
	stop()
	n := uint64(<-written)
	m.close(t)
	m = startReady(t, c)
	if live := m.liveTasks(); n == 0 || live != n {
		t.Errorf("%d tasks of %d that were acknowledged", live, n)
	}
}

func TestVacuumDue(t *testing.T) {
	c := VacuumConfig{FreePercent: 50, MinBytes: 1000}
	for _, x := range []struct {
		size, free uint64
		due        bool
	}{{0, 0, false}, {999, 900, false}, {1000, 500, true}, {1000, 499, false}, {1 << 40, 1 << 39, true}} {
		if c.due(x.size, x.free) != x.due {
			t.Errorf("%d of %d bytes are free: due is %v", x.free, x.size, !x.due)
		}
	}
}

// TestVacuumTurn: at each time it is just one member's turn, and each has one.
func TestVacuumTurn(t *testing.T) {
	servers := []raft.Server{{ID: "c"}, {ID: "a"}, {ID: "b"}}
	turns := map[raft.ServerID]int{}
	for i := range 12 {
		now := time.Unix(1_700_000_000, 0).Add(time.Duration(i) * vacuumSlot)
		at := 0
		for _, s := range servers {
			if vacuumTurn(servers, s.ID, now) {
				at++
				turns[s.ID]++
			}
		}
		if at != 1 {
			t.Errorf("it is the turn of %d members", at)
		}
	}
	if turns["a"] != 4 || turns["b"] != 4 || turns["c"] != 4 || vacuumTurn(servers, "gone", time.Now()) {
		t.Errorf("turns: %v", turns)
	}
}
