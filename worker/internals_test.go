package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// The ring is a queue.
func TestFIFO(t *testing.T) {
	var q fifo
	var model []*lease
	for range 10_000 {
		if len(model) > 0 && rand.IntN(100) < 48 {
			if q.front() != model[0] || q.pop() != model[0] {
				t.Fatal("out of order")
			}
			model = model[1:]
		} else {
			l := &lease{}
			q.push(l)
			model = append(model, l)
		}
		if q.len() != len(model) {
			t.Fatalf("length %d, want %d", q.len(), len(model))
		}
	}
}

// A worker is back soon after a group has its next leader, and doesn't press one that is gone for long.
func TestReconnectPause(t *testing.T) {
	var gone time.Duration
	for attempt := range 100 {
		pause := reconnectPause(attempt)
		if gone < 5*time.Second && pause > 250*time.Millisecond || pause > 2*time.Second {
			t.Errorf("%s after %s without a connection", pause, gone)
		}
		gone += pause
	}
	if got := reconnectPause(1_000_000); got < time.Second {
		t.Errorf("%s after a long time, want 1s at least", got)
	}
}

// Quick handlers get a prefetch of what they finish in 20 ms, slow ones none; one slow task takes it away.
func TestPace(t *testing.T) {
	settle := func(p *pace, took time.Duration) int {
		for range 200 {
			p.observe(took)
		}
		return p.prefetch()
	}
	for _, row := range []struct {
		took        time.Duration
		concurrency int
		want        int
	}{
		{0, 64, 4032}, {time.Microsecond, 64, 4032}, {time.Millisecond, 16, 320}, {4 * time.Millisecond, 1, 5}, {6 * time.Millisecond, 64, 0},
	} {
		p := &pace{concurrency: row.concurrency}
		if p.prefetch() != 0 {
			t.Error("a prefetch before anything is known")
		}
		if got := settle(p, row.took); got != row.want {
			t.Errorf("%v at concurrency %d: %d, want %d", row.took, row.concurrency, got, row.want)
		}
		p.observe(10 * time.Second)
		if got := p.prefetch(); got != 0 {
			t.Errorf("%d after a slow task, want 0", got)
		}
	}
	fixed := 7
	p := &pace{concurrency: 1, fixed: &fixed}
	if settle(p, time.Minute) != 7 {
		t.Error("a fixed prefetch is not")
	}
}

// The digest is the one that docs/GUARANTEES.md writes down.
func TestLeaseDigest(t *testing.T) {
	for token, want := range map[uint64]uint64{
		0: 0, 1: 0xb456bcfc34c2cb2c, 2: 0x3abf2a20650683e7, 1_000_000: 0x443b192cac3fa823,
	} {
		if got := leaseDigest(token); got != want {
			t.Errorf("token %d: %016x, want %016x", token, got, want)
		}
	}
}

// The time to live counts from sending, whatever the way of the answer takes.
func TestHeart(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	var h heart
	if _, ok := h.end(); ok || h.expired(at(time.Hour)) {
		t.Error("there is a session before the welcome")
	}
	h.welcome(at(0), 12*time.Second)
	if _, _, due := h.due(at(2 * time.Second)); due {
		t.Error("a beat too early")
	}
	first, _, due := h.due(at(3 * time.Second))
	if !due {
		t.Error("no beat after a quarter of the time to live")
	}
	if h.overdue(at(6*time.Second)) || !h.overdue(at(8*time.Second)) {
		t.Error("a third of the time to live is how long an answer may take")
	}
	second, _, _ := h.due(at(6 * time.Second))
	h.answered(first, false)
	if end, _ := h.end(); !end.Equal(at(15 * time.Second)) {
		t.Errorf("ends at %v, want 12 s after the beat that was answered", end.Sub(start))
	}
	h.answered(second, true)
	if end, _ := h.end(); !end.Equal(at(18 * time.Second)) {
		t.Errorf("ends at %v, want 12 s after the second beat", end.Sub(start))
	}
	if _, list, due := h.due(at(6 * time.Second)); !due || !list {
		t.Error("the list isn't sent at once")
	}
	h.answered(3, true)
	if _, _, due := h.due(at(7 * time.Second)); due {
		t.Error("who wants the list again and again gets it at once")
	}
	if h.expired(at(17 * time.Second)) {
		t.Error("expired too early")
	}
	if !h.expired(at(18*time.Second)) || h.expired(at(19*time.Second)) {
		t.Error("expiry must be told once")
	}
}

// Tasks that wait while all handlers are busy are given back, so that they can run elsewhere.
func TestRelieve(t *testing.T) {
	g := newTestLedger(2)
	now := time.Now()
	g.receive(leased(1, 2, 3), now)
	g.take(nil)
	g.take(nil)
	g.relieve(now.Add(stalled / 2))
	if g.queue.len() != 1 {
		t.Fatal("given back too early")
	}
	g.relieve(now.Add(2 * stalled))
	var m rowlockv1.WorkRequest
	g.fill(&m)
	if len(m.GetOutcomes()) != 1 || m.GetOutcomes()[0].GetToken() != 3 || !m.GetOutcomes()[0].GetReleased() {
		t.Errorf("got %v", m.GetOutcomes())
	}
	if m.GetCapacity() != 2 {
		t.Errorf("capacity %d, want 2", m.GetCapacity())
	}
}

func newTestLedger(concurrency int) *ledger {
	return newLedger(Config{Concurrency: concurrency, Logger: slog.New(slog.DiscardHandler)}, make(chan struct{}, 1))
}

func leased(tokens ...uint64) []*rowlockv1.LeasedTask {
	tasks := make([]*rowlockv1.LeasedTask, len(tokens))
	for i, token := range tokens {
		tasks[i] = &rowlockv1.LeasedTask{Id: "x", Token: token}
	}
	return tasks
}

// Whatever happens in whatever order, the ledger keeps its invariants, and every lease ends in one of three ways: its
// outcome was sent, it was taken away, or it is still there.
func TestLedgerInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newTestLedger(4)
		next := uint64(1)
		var running []*lease
		pick := func(tokens map[uint64]*lease) []uint64 {
			var some []uint64
			for _, l := range g.sorted() {
				if rapid.Bool().Draw(t, "pick") {
					some = append(some, l.task.Token)
				}
			}
			return some
		}
		t.Repeat(map[string]func(*rapid.T){
			"receive": func(t *rapid.T) {
				var tokens []uint64
				for range rapid.IntRange(1, 5).Draw(t, "tasks") {
					tokens = append(tokens, next)
					next++
				}
				g.receive(leased(tokens...), time.Now())
			},
			"receive again": func(*rapid.T) { g.receive(leased(pick(g.leases)...), time.Now()) },
			"take": func(*rapid.T) {
				waiting := false
				for i := range g.queue.count {
					waiting = waiting || g.queue.ring[(g.queue.first+i)&(len(g.queue.ring)-1)].state == leaseQueued
				}
				if waiting && g.crew.busy < 4 {
					_, cancel := context.WithCancelCause(context.Background())
					running = append(running, g.take(cancel))
				}
			},
			"finish": func(t *rapid.T) {
				if len(running) > 0 {
					i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
					g.finish(running[i], Outcome{Kind: Snoozed}, time.Second)
					running = append(running[:i], running[i+1:]...)
				}
			},
			"send": func(*rapid.T) { g.fill(&rowlockv1.WorkRequest{}) },
			"ack":  func(*rapid.T) { g.acknowledge(pick(g.leases)) },
			"revoke": func(*rapid.T) {
				var rs []*rowlockv1.Revocation
				for _, token := range pick(g.leases) {
					rs = append(rs, &rowlockv1.Revocation{Token: token, Reason: "reset"})
				}
				g.revoke(rs)
			},
			"refuse": func(*rapid.T) {
				var rs []*rowlockv1.Refusal
				for _, token := range pick(g.leases) {
					rs = append(rs, &rowlockv1.Refusal{Token: token, Status: &rowlockv1.Status{Code: 9}})
				}
				g.refuse(rs)
			},
			"reattach": func(t *rapid.T) { g.reattach(rapid.Bool().Draw(t, "fresh")) },
			"expire":   func(*rapid.T) { g.expire() },
			"":         func(t *rapid.T) { checkLedger(t, g, running) },
		})
	})
}

func checkLedger(t *rapid.T, g *ledger, running []*lease) {
	digest, stray := uint64(0), 0
	for token, l := range g.leases {
		digest ^= leaseDigest(token)
		if l.state == leaseGone {
			t.Fatalf("lease %d is gone and in the ledger", token)
		}
	}
	for _, l := range running {
		if l.state == leaseGone {
			stray++
		}
	}
	if digest != g.digest || stray != g.crew.stray || len(running) != g.crew.busy {
		t.Fatalf("digest %x want %x, stray %d want %d, busy %d want %d", g.digest, digest, g.crew.stray, stray, g.crew.busy, len(running))
	}
	sent := make(map[*lease]bool)
	for _, l := range g.out.outcomes {
		if l.state != leaseEnded && l.state != leaseGone {
			t.Fatalf("lease %d is in the outbox and has no outcome", l.task.Token)
		}
		if sent[l] {
			t.Fatalf("lease %d is in the outbox twice", l.task.Token)
		}
		sent[l] = true
	}
}
