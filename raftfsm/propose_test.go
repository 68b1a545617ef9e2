package raftfsm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// fakeLog is raft as the proposer sees it: it keeps entries until the test answers them.
type fakeLog struct {
	entries chan fakeEntry
}

type fakeEntry struct {
	data   []byte
	answer chan error
}

type fakeFuture struct {
	raft.ApplyFuture
	answer chan error
}

func (f fakeFuture) Error() error { return <-f.answer }

func (l *fakeLog) Apply(entry []byte, _ time.Duration) raft.ApplyFuture {
	e := fakeEntry{entry, make(chan error, 1)}
	l.entries <- e
	return fakeFuture{answer: e.answer}
}

// applied executes the entry as fsm would: each command's result has its place as code.
func (e fakeEntry) applied(t *testing.T, p *proposer) {
	t.Helper()
	h, cs, err := task.ReadEntry(e.data)
	if err != nil {
		t.Fatal(err)
	}
	if h.Node != p.node {
		t.Fatal("the entry has another node's name")
	}
	b := p.take(h.Seq)
	if b == nil {
		t.Fatal("the entry isn't ours")
	}
	results := make([]task.Result, len(cs))
	for i := range results {
		results[i].Code = task.Code(i)
	}
	b.deliver(results)
	p.release(b)
	e.answer <- nil
}

type roomFunc func() error

func (f roomFunc) Admit(int) error { return f() }

// companions is a dispatcher that adds commands.
type companions struct {
	Dispatcher
	add func(cs []task.Command) []Companion
}

func (c companions) Companions(cs []task.Command) []Companion { return c.add(cs) }

// testProposer runs a proposer on a fake log.
func testProposer(t *testing.T, change func(p *proposer)) (*proposer, *fakeLog) {
	t.Helper()
	c := testConfig(t, t.TempDir())
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProposer(c.Proposals, newClock(time.Now), newMetrics(nil))
	if err != nil {
		t.Fatal(err)
	}
	log := &fakeLog{entries: make(chan fakeEntry, 100)}
	p.log = log
	p.room = roomFunc(func() error { return nil })
	p.closed = func() error { return &NotLeaderError{Leader: "elsewhere"} }
	p.helper = func() Dispatcher { return nil }
	change(p)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.flush(ctx) })
	wg.Go(p.watch)
	p.open()
	t.Cleanup(func() {
		cancel()
		for len(log.entries) > 0 {
			(<-log.entries).answer <- raft.ErrRaftShutdown
		}
		for !p.isEnded() {
			pass(time.Millisecond)
		}
		close(p.watched)
		wg.Wait()
	})
	return p, log
}

func (p *proposer) isEnded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended && len(p.refused) == 0
}

type answer struct {
	results []task.Result
	err     error
}

func submit(p *proposer, cs []task.Command, urgent bool) chan answer {
	done := make(chan answer, 1)
	p.submit(cs, urgent, func(rs []task.Result, err error) { done <- answer{rs, err} })
	return done
}

func beat() task.Command { return &task.Tick{} }

// TestGroupCommit shows that a lone command goes at once, that those which come while entries are in flight share the
// next, and that everybody gets the results of his own commands.
func TestGroupCommit(t *testing.T) {
	p, log := testProposer(t, func(p *proposer) { p.config.InFlight = 1 })
	first := submit(p, []task.Command{beat()}, false)
	e := <-log.entries
	second := submit(p, []task.Command{beat(), beat()}, false)
	third := submit(p, []task.Command{beat()}, true)
	select {
	case <-log.entries:
		t.Fatal("a second entry is in flight")
	default:
	}
	e.applied(t, p)
	if a := <-first; a.err != nil || len(a.results) != 1 {
		t.Fatalf("%+v", a)
	}
	e = <-log.entries
	e.applied(t, p)
	if a := <-second; a.err != nil || len(a.results) != 2 || a.results[1].Code != 1 {
		t.Fatalf("%+v", a)
	}
	if a := <-third; a.err != nil || len(a.results) != 1 || a.results[0].Code != 2 {
		t.Fatalf("%+v", a)
	}
	if !p.idle() || p.bytes != 0 || p.commands != 0 {
		t.Fatalf("not idle: %d bytes, %d commands", p.bytes, p.commands)
	}
}

func TestCompanions(t *testing.T) {
	done := make(chan error, 2)
	p, log := testProposer(t, func(p *proposer) {
		d := companions{add: func(cs []task.Command) []Companion {
			if len(cs) != 1 {
				t.Errorf("%d commands", len(cs))
			}
			c := Companion{Command: &task.Lease{Session: 7, Max: 1}, Done: func(r task.Result, err error) {
				if err == nil && r.Code != 1 {
					t.Errorf("the companion got %v", r.Code)
				}
				done <- err
			}}
			huge := c
			huge.Command = enqueue("q", 30_000)
			return []Companion{c, huge}
		}}
		p.helper = func() Dispatcher { return d }
	})
	own := submit(p, []task.Command{beat()}, false)
	if err := <-done; !errors.Is(err, ErrOverloaded) {
		t.Fatalf("a companion that doesn't fit: %v", err)
	}
	e := <-log.entries
	if len(e.data) > MaxEntryBytes {
		t.Fatalf("entry of %d bytes", len(e.data))
	}
	e.applied(t, p)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if a := <-own; a.err != nil || len(a.results) != 1 {
		t.Fatalf("%+v", a)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	p, log := testProposer(t, func(p *proposer) { p.config.InFlight = 1; p.config.EntryBytes = 1000 })
	blocker := submit(p, []task.Command{beat()}, false)
	e := <-log.entries
	var answers []chan answer
	for range 30 {
		answers = append(answers, submit(p, []task.Command{enqueue("q", 5)}, false))
	}
	big := submit(p, []task.Command{enqueue("q", 300)}, false)
	tooBig := submit(p, []task.Command{enqueue("q", 50_000)}, true)
	if a := <-tooBig; !errors.Is(a.err, ErrTooLarge) {
		t.Fatalf("%v", a.err)
	}
	e.applied(t, p)
	<-blocker
	entries := 0
	for len(answers) > 0 {
		e := <-log.entries
		entries++
		if len(e.data) > 1100 {
			t.Errorf("entry of %d bytes", len(e.data))
		}
		_, cs, _ := task.ReadEntry(e.data)
		e.applied(t, p)
		for range cs {
			if a := <-answers[0]; a.err != nil {
				t.Fatal(a.err)
			}
			answers = answers[1:]
		}
	}
	if entries < 2 {
		t.Errorf("%d entries", entries)
	}
	(<-log.entries).applied(t, p) // larger than an entry should be, but it fits alone
	if a := <-big; a.err != nil {
		t.Fatal(a.err)
	}
}

// TestOverload shows that what waits is bounded, and that urgent commands still find room.
func TestOverload(t *testing.T) {
	p, log := testProposer(t, func(p *proposer) { p.config.PendingCommands = 80 })
	var waiting []chan answer
	for range 80 {
		waiting = append(waiting, submit(p, []task.Command{beat()}, false))
	}
	if a := <-submit(p, []task.Command{beat()}, false); !errors.Is(a.err, ErrOverloaded) {
		t.Fatalf("%v", a.err)
	}
	for range 10 {
		waiting = append(waiting, submit(p, []task.Command{beat()}, true))
	}
	if a := <-submit(p, []task.Command{beat()}, true); !errors.Is(a.err, ErrOverloaded) {
		t.Fatalf("%v", a.err)
	}
	for _, w := range waiting {
		for len(w) == 0 {
			select {
			case e := <-log.entries:
				e.applied(t, p)
			case a := <-w:
				w <- a
			}
		}
		if a := <-w; a.err != nil {
			t.Fatal(a.err)
		}
	}
	again := submit(p, []task.Command{beat()}, false)
	(<-log.entries).applied(t, p)
	if a := <-again; a.err != nil {
		t.Fatal(a.err)
	}
}

func TestNoSpaceRefusesOnlyNewTasks(t *testing.T) {
	p, log := testProposer(t, func(p *proposer) {
		p.room = roomFunc(func() error { return &store.NoRoomError{} })
		p.level = func() uint32 { return task.LevelFeatures }
	})
	for _, c := range []task.Command{enqueue("q", 1), &task.Request{ID: "r", Command: enqueue("q", 1)}, &task.ImportTasks{Tasks: []task.ImportedTask{{ID: 1, NewTask: task.NewTask{Queue: "q"}, State: task.Pending}}}} {
		select {
		case a := <-submit(p, []task.Command{c}, false):
			if !errors.Is(a.err, ErrNoSpace) {
				t.Fatalf("%T: %v", c, a.err)
			}
		case e := <-log.entries:
			e.applied(t, p)
			t.Errorf("%T is proposed", c)
		}
	}
	done := submit(p, []task.Command{&task.Finish{}}, false)
	(<-log.entries).applied(t, p)
	if a := <-done; a.err != nil {
		t.Fatal(a.err)
	}
}

// TestOutcomes maps raft's answers: only one that proves that the entry isn't in the log may say so.
func TestOutcomes(t *testing.T) {
	p, log := testProposer(t, func(*proposer) {})
	for _, x := range []struct {
		raft    error
		unknown bool
	}{
		{raft.ErrNotLeader, false},
		{raft.ErrLeadershipTransferInProgress, false},
		{raft.ErrLeadershipLost, true},
		{raft.ErrRaftShutdown, true},
		{raft.ErrAbortedByRestore, true},
		{errors.New("write log: input/output error"), true},
	} {
		done := submit(p, []task.Command{beat()}, false)
		(<-log.entries).answer <- x.raft
		err := (<-done).err
		var notLeader *NotLeaderError
		if errors.Is(err, ErrUnknownOutcome) != x.unknown || errors.As(err, &notLeader) == x.unknown {
			t.Errorf("%v: %v", x.raft, err)
		}
	}
	eventually(t, "idle", p.idle) // a place is free when its callers have their results
}

// TestCloseRefusesTheQueue shows that what wasn't sealed is refused for certain when leadership ends.
func TestCloseRefusesTheQueue(t *testing.T) {
	p, log := testProposer(t, func(p *proposer) { p.config.InFlight = 1 })
	flying := submit(p, []task.Command{beat()}, false)
	e := <-log.entries
	queued := submit(p, []task.Command{beat()}, false)
	p.close(p.closed())
	var notLeader *NotLeaderError
	if a := <-queued; !errors.As(a.err, &notLeader) || notLeader.Leader != "elsewhere" {
		t.Fatalf("%v", a.err)
	}
	if a := <-submit(p, []task.Command{beat()}, true); !errors.As(a.err, &notLeader) {
		t.Fatalf("%v", a.err)
	}
	e.answer <- raft.ErrLeadershipLost
	if a := <-flying; !errors.Is(a.err, ErrUnknownOutcome) {
		t.Fatalf("%v", a.err)
	}
	eventually(t, "idle", p.idle) // a place is free when its callers have their results
}
