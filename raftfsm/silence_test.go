package raftfsm

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rowlock/rowlock/task"
)

// marks returns what the log was told of silences, once all goroutines wait.
func (x *lessorTest) marks() []*task.MarkSilent {
	synctest.Wait()
	return locked(x, func() []*task.MarkSilent { return x.marked })
}

// since returns since when the log has a session as silent.
func (x *lessorTest) since(id uint64) (at task.Time) {
	synctest.Wait()
	x.readState(func(m *task.Machine) {
		s, _ := m.Session(id)
		at = s.SilentSince
	})
	return at
}

// TestSilenceIsNotedOnce: a worker that misses its beats is noted in the log once, and once more when it is heard again;
// one that beats costs the log nothing.
func TestSilenceIsNotedOnce(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		silent, alive := x.openSession(), x.openSession()
		begin := time.Now()
		x.keep(alive, 20*time.Second)
		if n := len(x.marks()); n != 1 {
			t.Fatalf("the log was told %d times of one silence", n)
		}
		if at := time.UnixMicro(x.since(silent)); at.Sub(begin).Abs() > time.Second {
			t.Errorf("silent since %s after it was last heard", at.Sub(begin))
		}
		if x.since(alive) != 0 {
			t.Error("a worker that beats counts as silent")
		}
		for _, id := range []uint64{silent, alive} {
			if err := x.Renew(id); err != nil {
				t.Fatal(err)
			}
		}
		pass(4 * time.Second)
		if x.since(silent) != 0 || len(x.marks()) != 2 {
			t.Errorf("heard again, and silent since %d after %d marks", x.since(silent), len(x.marks()))
		}
	})
}

// TestSilenceIsNotedAgain: a mark that wasn't executed is proposed again.
func TestSilenceIsNotedAgain(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		x.set(func() { x.fail = ErrOverloaded })
		pass(20 * time.Second)
		if len(x.marks()) == 0 || x.since(id) != 0 {
			t.Fatal("nothing was refused")
		}
		x.set(func() { x.fail = nil })
		pass(4 * time.Second)
		if x.since(id) == 0 {
			t.Error("the silence wasn't noted after it had been refused")
		}
	})
}

// TestSilenceOutlivesLeaders: leaders that last for less than a TTL each don't keep a dead worker alive.
func TestSilenceOutlivesLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLessorTest(t)
		var dead uint64
		begin := time.Now()
		for term := range uint64(6) {
			x.set(func() { x.term = 10 + term })
			x.lead(10 + term)
			if term == 0 {
				dead = x.openSession()
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				x.run(ctx)
			}()
			pass(20 * time.Second)
			synctest.Wait()
			cancel()
			<-done
			x.follow()
			if !x.isOpen(dead) {
				break
			}
		}
		if x.isOpen(dead) {
			t.Fatalf("a dead worker's session is open after %s under leaders of 20 s each", time.Since(begin))
		}
		if lived := time.Since(begin); lived > time.Minute {
			t.Errorf("a dead worker's session lived for %s", lived)
		}
	})
}

// TestSilentWorkerReachesNewLeader: however long the log says that a worker has been silent, a new leader gives it a third
// of a TTL.
func TestSilentWorkerReachesNewLeader(t *testing.T) {
	inBubble(t, func(x *lessorTest) {
		id := x.openSession()
		pass(20 * time.Second)
		if x.since(id) == 0 {
			t.Fatal("the silence wasn't noted")
		}
		x.follow()
		pass(time.Hour)
		x.lead(x.term)
		pass(9 * time.Second)
		synctest.Wait()
		if err := x.Renew(id); err != nil {
			t.Fatalf("9 s after the new leader began: %v", err)
		}
		pass(29 * time.Second)
		synctest.Wait()
		if !x.isOpen(id) || len(x.proposals()) != 0 {
			t.Error("it didn't get a full TTL with its renewal")
		}
	})
}
