package raftfsm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rowlock/rowlock/task"
)

// lessorTest is a lessor on a real machine, without raft: commands are executed at once, or fail.
type lessorTest struct {
	*Sessions
	t *testing.T

	state   sync.Mutex // guards the rest
	machine *task.Machine
	term    uint64 // of the entries
	valid   bool
	fail    error
	seen    []*task.ExpireSessions
	marked  []*task.MarkSilent
}

func newLessorTest(t *testing.T) *lessorTest {
	x := &lessorTest{t: t, machine: task.NewMachine(), term: 5, valid: true}
	x.Sessions = &Sessions{
		ttl: 30 * time.Second, valid: func() bool { return locked(x, func() bool { return x.valid }) },
		read: x.readState, submit: x.submit, clock: func() task.Time { return time.Now().UnixMicro() },
		refusal: func() error { return &NotLeaderError{} },
		logger:  testLogger(t), metrics: newMetrics(nil), wake: make(chan struct{}, 1),
	}
	x.execute(&task.RaiseFeatureLevel{Level: task.SupportedLevel})
	return x
}

func locked[T any](x *lessorTest, fn func() T) T {
	x.state.Lock()
	defer x.state.Unlock()
	return fn()
}

func (x *lessorTest) set(fn func()) {
	x.state.Lock()
	defer x.state.Unlock()
	fn()
}

func (x *lessorTest) readState(fn func(*task.Machine)) { x.set(func() { fn(x.machine) }) }

// proposals returns the expiries that were proposed, once all goroutines wait.
func (x *lessorTest) proposals() []*task.ExpireSessions {
	synctest.Wait()
	return locked(x, func() []*task.ExpireSessions { return x.seen })
}

func (x *lessorTest) isOpen(id uint64) (open bool) {
	x.readState(func(m *task.Machine) { _, open = m.Session(id) })
	return open
}

func (x *lessorTest) execute(c task.Command) task.Result {
	x.state.Lock()
	entry := task.AppendHeader(nil, task.Header{Time: time.Now().UnixMicro()})
	rs, eff, err := x.machine.Apply(x.term, task.AppendCommand(entry, c), true)
	x.state.Unlock()
	if err != nil {
		x.t.Error(err)
	}
	x.applied(&batch{commands: []task.Command{c}}, &applied{results: rs, effects: eff})
	return rs[0]
}

func (x *lessorTest) submit(cs []task.Command, _ bool, done func([]task.Result, error)) {
	fail := locked(x, func() error {
		switch c := cs[0].(type) {
		case *task.ExpireSessions:
			x.seen = append(x.seen, c)
		case *task.MarkSilent:
			x.marked = append(x.marked, c)
		}
		return x.fail
	})
	if fail != nil {
		done(nil, fail)
		return
	}
	done([]task.Result{x.execute(cs[0])}, nil)
}

func (x *lessorTest) openSession() uint64 {
	r := x.execute(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	return uint64(r.Items[0].ID)
}

// inBubble runs a test of the lessor with its loop, under a fake clock.
func inBubble(t *testing.T, fn func(x *lessorTest)) {
	synctest.Test(t, func(t *testing.T) {
		x := newLessorTest(t)
		x.lead(x.term)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			x.run(ctx)
		}()
		synctest.Wait()
		fn(x)
		cancel()
		<-done
	})
}

// keep renews for a while; until is how long.
func (x *lessorTest) keep(id uint64, until time.Duration) {
	x.t.Helper()
	for end := time.Now().Add(until); time.Now().Before(end); pass(10 * time.Second) {
		if err := x.Renew(id); err != nil {
			x.t.Fatalf("renew: %v", err)
		}
	}
}

func TestSessionsExpire(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		x.execute(enqueue("q", 3))
		silent, alive := x.openSession(), x.openSession()
		leased := x.execute(&task.Lease{Session: silent, Max: 3}).Leased
		x.MarkStarted(silent, []uint64{leased[1].Token, 999})
		x.keep(alive, 20*time.Second)
		if len(x.proposals()) != 0 {
			t.Fatal("expired too early")
		}
		x.keep(alive, 20*time.Second)
		if len(x.proposals()) != 1 || x.proposals()[0].Term != 5 || len(x.proposals()[0].Sessions) != 1 {
			t.Fatalf("%+v", x.proposals())
		}
		e := x.proposals()[0].Sessions[0]
		if e.Session != silent || !slices.Equal(e.Started, []uint64{leased[1].Token}) {
			t.Fatalf("%+v", e)
		}
		for i, l := range leased {
			var got task.Task
			x.readState(func(m *task.Machine) { got, _ = m.Task(l.ID) })
			if (got.WorkerDeaths == 1) != (i == 1) {
				t.Errorf("task %d has seen %d deaths", i, got.WorkerDeaths)
			}
		}
		if err := x.Renew(silent); !errors.Is(err, ErrUnknownSession) {
			t.Fatalf("renewed after its expiry: %v", err)
		}
		x.keep(alive, time.Hour)
		if !x.LastBeat(silent).IsZero() || x.LastBeat(alive).IsZero() {
			t.Error("last beats")
		}
	})
}

// TestNoRenewalAfterProposal: once the expiry is on its way a renewal would be a promise that can't be kept
// (etcd#15247); and the expiry is repeated until it is executed.
func TestNoRenewalAfterProposal(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		x.set(func() { x.fail = ErrOverloaded })
		pass(31 * time.Second)
		synctest.Wait()
		if len(x.proposals()) != 1 {
			t.Fatalf("%d proposals", len(x.proposals()))
		}
		if err := x.Renew(id); !errors.Is(err, ErrUnknownSession) {
			t.Fatalf("renewed while its expiry was proposed: %v", err)
		}
		x.set(func() { x.fail = nil })
		pass(5 * time.Second)
		synctest.Wait()
		if x.isOpen(id) {
			t.Fatal("the expiry wasn't repeated")
		}
	})
}

// TestOldLeaderExpiresNothing: an expiry that was proposed under another term is refused (etcd#12528).
func TestOldLeaderExpiresNothing(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		x.set(func() { x.term = 6 }) // somebody else's, by the time the expiry is executed
		pass(40 * time.Second)
		synctest.Wait()
		if len(x.proposals()) == 0 {
			t.Fatal("nothing was proposed")
		}
		if !x.isOpen(id) {
			t.Fatal("an old leader expired a session")
		}
	})
}

// TestLostLease: without a leader lease nothing is renewed and nothing expires, and the time comes back to the sessions.
func TestLostLease(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		pass(20 * time.Second)
		x.set(func() { x.valid = false })
		var notLeader *NotLeaderError
		if err := x.Renew(id); !errors.As(err, &notLeader) {
			t.Fatalf("renewed without a lease: %v", err)
		}
		pass(time.Hour)
		synctest.Wait()
		if len(x.proposals()) != 0 {
			t.Fatal("expired without a lease")
		}
		x.set(func() { x.valid = true })
		pass(9 * time.Second)
		synctest.Wait()
		if len(x.proposals()) != 0 {
			t.Fatal("expired before its worker could have reached the leader")
		}
		if err := x.Renew(id); err != nil {
			t.Fatal(err)
		}
		pass(40 * time.Second)
		synctest.Wait()
		if len(x.proposals()) != 1 {
			t.Fatal("didn't expire")
		}
	})
}

// TestNewLeader gives every session that it finds a full TTL, and not all the same.
func TestNewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLessorTest(t)
		for range 100 {
			x.openSession()
		}
		if len(x.all) != 0 {
			t.Fatal("a follower watches sessions")
		}
		pass(time.Hour)
		x.lead(x.term)
		ctx, cancel := context.WithCancel(t.Context())
		go x.run(ctx)
		pass(29 * time.Second)
		synctest.Wait()
		if len(x.proposals()) != 0 {
			t.Fatal("expired before a full TTL")
		}
		pass(10 * time.Second)
		synctest.Wait()
		left := 0
		x.readState(func(m *task.Machine) { left = len(m.Sessions()) })
		if left != 0 || len(x.proposals()) < 5 {
			t.Fatalf("%d sessions left, %d proposals", left, len(x.proposals()))
		}
		cancel()
		synctest.Wait()
	})
}

// TestRenewFindsSession renews a session that was opened without this leader's knowledge.
func TestRenewFindsSession(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		x.mu.Lock()
		delete(x.all, id)
		x.mu.Unlock()
		if err := x.Renew(id); err != nil {
			t.Fatal(err)
		}
		if err := x.Renew(id + 1); !errors.Is(err, ErrUnknownSession) {
			t.Fatalf("%v", err)
		}
		x.execute(&task.CloseSession{Session: id})
		if err := x.Renew(id); !errors.Is(err, ErrUnknownSession) {
			t.Fatalf("%v", err)
		}
	})
}

// TestStartedIsBounded: tokens of leases that have ended are forgotten.
func TestStartedIsBounded(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		x.execute(enqueue("q", 1))
		live := x.execute(&task.Lease{Session: id, Max: 1}).Leased[0].Token
		x.MarkStarted(id, []uint64{live})
		for i := range uint64(10_000) {
			x.MarkStarted(id, []uint64{1_000_000 + i})
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if n := len(x.all[id].started); n > pruneStarted {
			t.Errorf("%d tokens", n)
		}
		if _, ok := x.all[id].started[live]; !ok {
			t.Error("the live lease's was forgotten")
		}
	})
}
