package raftfsm

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// gate is a dispatcher that holds up the goroutine that executes entries, behind the next one once it is armed.
type gate struct {
	armed   atomic.Bool
	open    chan struct{}
	release func() // closes open
}

func newGate(t testing.TB) *gate {
	g := &gate{open: make(chan struct{})}
	g.release = sync.OnceFunc(func() { close(g.open) })
	t.Cleanup(g.release)
	return g
}

func (*gate) Companions([]task.Command) []Companion { return nil }
func (*gate) Leadership(bool)                       {}

func (g *gate) Applied(task.Effects) {
	if g.armed.Swap(false) {
		<-g.open
	}
}

// flies reports whether a member has commands of a type in flight.
func (m *member) flies(c task.Command) bool {
	m.proposer.mu.Lock()
	defer m.proposer.mu.Unlock()
	for _, b := range m.proposer.inFlight {
		if slices.ContainsFunc(b.commands, func(x task.Command) bool { return reflect.TypeOf(x) == reflect.TypeOf(c) }) {
			return true
		}
	}
	return false
}

// finished returns where a finished task is in a member's history.
func (m *member) finished(t *testing.T, id task.ID) (ref task.FinishedRef, there bool) {
	t.Helper()
	err := m.Read(t.Context(), true, func(v *View) error {
		x, ok, err := v.Task(id)
		ref, there = task.FinishedRef{ID: id, Queue: x.QueueNumber, Sequence: x.HistorySequence}, ok
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref, there
}

// overtaken restores a backup, with commands in flight behind the restore, and returns what became of them; false: the leadership
// moved meanwhile.
func (g *group) overtaken(b backup, commands []task.Command) (answers []error, ok bool) {
	t := g.t
	t.Helper()
	l := g.leader()
	stop := newGate(t)
	defer stop.release()
	l.SetDispatcher(stop)
	moves := func() bool { return !l.leadership.serving() }
	var sent atomic.Int32
	g.sent = func(*member) {
		if sent.Add(1) != 2 {
			return
		}
		stop.armed.Store(true)
		l.Submit([]task.Command{&task.Tick{}}, true, func([]task.Result, error) {})
		eventually(t, "an entry is executed", func() bool { return !stop.armed.Load() || moves() })
	}
	restored := make(chan error, 1)
	path := b.upload(t, l)
	go func() {
		_, err := l.Restore(t.Context(), OnlineRestore{Path: path})
		restored <- err
	}()
	eventually(t, "the restore is in flight", func() bool { return l.flies(&task.InstallImage{}) || moves() })
	done := make(chan error, len(commands))
	for _, c := range commands {
		l.Submit([]task.Command{c}, true, func(_ []task.Result, err error) { done <- err })
	}
	for _, c := range commands {
		eventually(t, "it is in flight behind the restore", func() bool { return l.flies(c) || moves() })
	}
	ok = !moves()
	stop.release()
	for range commands {
		err := <-done
		ok = ok && !moved(err)
		answers = append(answers, err)
	}
	if err := <-restored; err != nil {
		if ok && !moved(err) && !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
		ok = false
	}
	return answers, ok
}

// TestRestoreOvertakesCommands: what is in the log behind a restore, and was proposed before, changes nothing on any member, and its
// callers know.
func TestRestoreOvertakesCommands(t *testing.T) {
	g := newGroup(t, 3, func(c *Config) { c.Proposals.InFlight = maxInFlight })
	ids := g.insist(enqueue("q", 5)).Items
	done, live := ids[0].ID, ids[4].ID
	g.insist(&task.Cancel{IDs: []task.ID{done}})
	l := g.leader()
	b := save(t, l)
	ref, there := l.finished(t, done)
	if !there {
		t.Fatal("the finished task isn't there")
	}
	g.insist(enqueue("q", 20))
	commands := []task.Command{
		&task.DeleteFinished{Refs: []task.FinishedRef{ref}}, &task.Cancel{IDs: []task.ID{live}}, enqueue("later", 3), &task.PurgeQueue{Queue: "q"},
	}
	eventually(t, "a restore with commands behind it", func() bool {
		answers, ok := g.overtaken(b, commands)
		for _, err := range answers {
			if ok && !errors.Is(err, ErrRestored) {
				t.Errorf("a command of before the restore: %v", err)
			}
		}
		return ok
	})
	g.awaitTimeline(g.leader().Timeline())
	g.converge()
	check := func() {
		t.Helper()
		for _, m := range g.running() {
			if _, there := m.finished(t, done); !there {
				t.Error("a finished task of the restored state is gone")
			}
			m.Machine(func(x *task.Machine) {
				if got, ok := x.Task(live); !ok || got.State != task.Pending {
					t.Errorf("a pending task of the restored state: %v %v", got.State, ok)
				}
				if _, ok := x.Queue("later"); ok || x.LiveTasks() != b.live {
					t.Errorf("%d live tasks, want %d", x.LiveTasks(), b.live)
				}
			})
		}
	}
	check()
	for i := range g.members { // whoever executes the entries again passes over them again
		g.members[i].close(t)
		g.restart(i)
	}
	g.converge()
	check()
}

// TestProposedForAnotherTimeline: who has seen a state of before a restore proposes nothing for the one behind it.
func TestProposedForAnotherTimeline(t *testing.T) {
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 5))
	l := g.leader()
	b := save(t, l)
	before := l.Timeline()
	if _, err := l.Restore(t.Context(), OnlineRestore{Path: b.upload(t, l)}); err != nil {
		t.Fatal(err)
	}
	ask := func(timeline uint64) error {
		done := make(chan error, 1)
		l.SubmitSeen(timeline, []task.Command{&task.PurgeQueue{Queue: "q"}}, false, func(_ []task.Result, err error) { done <- err })
		return <-done
	}
	if err := ask(before); !errors.Is(err, ErrRestored) {
		t.Errorf("what was seen before: %v", err)
	}
	if n := l.enqueued("q"); n != 5 {
		t.Errorf("%d tasks were enqueued, want 5", n)
	}
	if err := ask(l.Timeline()); err != nil {
		t.Errorf("what was seen behind it: %v", err)
	}
}

// TestReplayPassesOver: a replay judges an entry of before a restore as the members did.
func TestReplayPassesOver(t *testing.T) {
	s := newShelf(t)
	g := newGroup(t, 1, s.config)
	g.insist(enqueue("q", 5))
	l := g.leader()
	b := save(t, l)
	if _, err := l.Restore(t.Context(), OnlineRestore{Path: b.upload(t, l)}); err != nil {
		t.Fatal(err)
	}
	g.insist(&task.ResumeCluster{})
	name := logarchive.TimelineName(1)
	archived := func(what string, enough func(line logarchive.Line) bool) {
		t.Helper()
		eventually(t, what, func() bool {
			lines, err := logarchive.List(t.Context(), s.Bucket, "")
			return err == nil && slices.ContainsFunc(lines, func(line logarchive.Line) bool { return line.Timeline == name && enough(line) })
		})
	}
	archived("a full backup of the timeline", func(line logarchive.Line) bool { return len(line.Fulls) > 0 })
	outlived := task.AppendCommand(task.AppendHeader(nil, task.Header{Time: l.config.Now().UnixMicro()}), enqueue("q", 3))
	var f raft.ApplyFuture
	eventually(t, "an entry of before the restore", func() bool {
		f = l.raft.Apply(outlived, 0)
		return f.Error() == nil
	})
	g.insist(enqueue("q", 1))
	archived("all of it", func(line logarchive.Line) bool {
		return len(line.Segments) > 0 && line.Segments[len(line.Segments)-1].Last > f.Index()
	})
	if r := s.replayLine(t, name); r.LiveTasks != b.live+1 {
		t.Errorf("%d live tasks, want %d", r.LiveTasks, b.live+1)
	}
}

// TestRecoverAfterRestore: what is put into the log of a stopped member is right in the timeline that it is in.
func TestRecoverAfterRestore(t *testing.T) {
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 5))
	l := g.leader()
	b := save(t, l)
	g.restore(b, OnlineRestore{})
	last := g.insist(enqueue("q", 1)).Items[0].ID
	l.close(t)
	if err := Recover(g.configs[0].DataDir, "", testLogger(t), func(Recovery) error { return nil }); err != nil {
		t.Fatal(err)
	}
	g.configs[0].ClusterID = ""
	m := g.restart(0)
	wait(t, m.Ready())
	if id := g.insist(enqueue("q", 1)).Items[0].ID; id < last+spareIDs {
		t.Errorf("task %v, which the lost members may have given out: the last one here was %v", id, last)
	}
	if m.Timeline() != 1 {
		t.Errorf("timeline %d, want 1", m.Timeline())
	}
}
