package store

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/task"
)

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no directory":     func(o *Options) { o.Dir = "" },
		"no logger":        func(o *Options) { o.Logger = nil },
		"no clock":         func(o *Options) { o.Now = nil },
		"negative reserve": func(o *Options) { o.Reserve = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			change(&o)
			if _, err := Open(o); err == nil {
				t.Error("Open accepts it")
			}
			if _, err := OpenLog(o); err == nil {
				t.Error("OpenLog accepts it")
			}
		})
	}
}

// TestLocked opens a directory that another process holds.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, "hold", dir)
	c.line(t) // it has the directory
	_, err := Open(testOptions(dir))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("%s is in use by another process (pid %d)", dir, c.cmd.Process.Pid)) {
		t.Errorf("open: %v", err)
	}
	c.kill(t)
	openTest(t, dir)
}

// TestLimitedAddressSpace runs a store in a process that may not reserve what it would like to.
func TestLimitedAddressSpace(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, "limited", dir)
	c.line(t) // it has committed
	c.kill(t)
	if p := openTest(t, dir).Position(); p.Index == 0 {
		t.Error("nothing was committed")
	}
}

// TestKill kills a process with -9 while it commits, every other time also while it vacuums, and finds the state of the last commit that it told of, or of the
// one after it.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	m, steps := newModel(), uint64(0)
	for round := range 30 {
		c := startChild(t, []string{"commit", "vacuum"}[round%2], dir)
		told := c.line(t)
		for range round / 2 % 8 {
			told = c.line(t)
		}
		if rest := c.kill(t); len(rest) > 0 {
			told = rest[len(rest)-1]
		}
		last, err := strconv.ParseUint(told, 10, 64)
		must(t, err)
		s := openTest(t, dir)
		if n := s.Position().Index / 10; n != last && n != last+1 {
			t.Fatalf("round %d: commit %d is there, told was %d", round, n, last)
		}
		for ; steps < s.Position().Index/10; steps++ {
			m.sampleCheckpoint(steps)
		}
		must(t, m.compare(s))
		must(t, s.Close())
	}
	t.Logf("%d commits", steps)
}

// TestPayloadSizes keeps payloads of the sizes at which their place changes, through a change of the task and into the
// history.
func TestPayloadSizes(t *testing.T) {
	for _, n := range []int{0, 1, inlinePayload - 1, inlinePayload, inlinePayload + 1, chunkBytes, 256 << 10, 5 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := openTest(t, t.TempDir())
			payload := bytes.Repeat([]byte{7}, n)
			want := func(step string) {
				t.Helper()
				got, err := s.Payload(5)
				if err != nil || !bytes.Equal(got, payload) {
					t.Errorf("%s: %d bytes, %v", step, len(got), err)
				}
			}
			must(t, s.Commit(&task.Checkpoint{Tasks: []task.TaskChange{{ID: 5, Record: []byte("a"), Payload: payload}}}, Position{Index: 1}))
			want("new")
			must(t, s.Commit(&task.Checkpoint{Tasks: []task.TaskChange{{ID: 5, Record: []byte("abc"), KeepPayload: true}}}, Position{Index: 2}))
			want("changed")
			must(t, s.Commit(&task.Checkpoint{
				Tasks:   []task.TaskChange{{ID: 5}},
				History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{{ID: 5, Sequence: 1, Record: []byte("f"), PayloadOnDisk: true}}}},
			}, Position{Index: 3}))
			if _, err := s.Payload(5); !errors.Is(err, ErrNotFound) {
				t.Errorf("payload of a finished task: %v", err)
			}
			v := viewTest(t, s)
			got, err := v.storedByID(5)
			if err != nil || len(got) != 1 || !bytes.Equal(got[0].payload, payload) {
				t.Errorf("history: %v", err)
			}
			must(t, verify(v.tx))
			v.Close()
		})
	}
}

// TestRefusedCheckpoints are broken invariants: they are told, and nothing is committed.
func TestRefusedCheckpoints(t *testing.T) {
	for name, cp := range map[string]*task.Checkpoint{
		"payload to keep is missing": {Tasks: []task.TaskChange{{ID: 9, Record: []byte("x"), KeepPayload: true}}},
		"payload to move is missing": {History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{{ID: 9, Sequence: 1, PayloadOnDisk: true}}}}},
		"sequences with a gap": {History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{
			{ID: 9, Sequence: 1}, {ID: 10, Sequence: 3},
		}}}},
		"unknown kind": {Records: []task.Record{{Kind: 200, Key: []byte("k"), Value: []byte("v")}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openTest(t, dir)
			must(t, s.Commit(&task.Checkpoint{}, Position{Index: 1}))
			if err := s.Commit(cp, Position{Index: 2}); err == nil || errors.Is(err, ErrNoSpace) {
				t.Errorf("commit: %v", err)
			}
			if p := s.Position(); p.Index != 1 {
				t.Errorf("position is %d", p.Index)
			}
			if err := s.Commit(&task.Checkpoint{}, Position{Index: 3}); err == nil {
				t.Error("a commit after a fatal one succeeds")
			}
			must(t, s.Close())
			if p := openTest(t, dir).Position(); p.Index != 1 {
				t.Errorf("position after reopening is %d", p.Index)
			}
		})
	}
}

func TestPositionNeverFalls(t *testing.T) {
	s := openTest(t, t.TempDir())
	must(t, s.Commit(&task.Checkpoint{}, Position{Index: 5, Term: 1}))
	if err := s.Commit(&task.Checkpoint{}, Position{Index: 4, Term: 1}); err == nil {
		t.Error("a commit of an older position succeeds")
	}
	must(t, s.Commit(&task.Checkpoint{}, Position{Index: 5, Term: 1}))
}

func TestClosed(t *testing.T) {
	s := openTest(t, t.TempDir())
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Commit(&task.Checkpoint{}, Position{}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Payload(1); !errors.Is(err, ErrClosed) {
		t.Errorf("payload: %v", err)
	}
	if _, _, err := s.Load(); !errors.Is(err, ErrClosed) {
		t.Errorf("load: %v", err)
	}
	if err := s.Replace("nothing"); !errors.Is(err, ErrClosed) {
		t.Errorf("replace: %v", err)
	}
}

// TestTrimIsBounded trims more than one commit may delete: readers see none of it at once, and the next commits delete
// the rest, also after the file was opened anew.
func TestTrimIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	const tasks = 2*trimBudget + 100
	for i := range uint64(3) { // chunks of one task each: larger than chunkBytes/2
		run := task.HistoryChunk{Queue: 1}
		for n := i * tasks / 3; n < (i+1)*tasks/3; n++ {
			run.Tasks = append(run.Tasks, task.Finished{ID: task.ID(n + 1), Sequence: n, Record: make([]byte, chunkBytes/2+1)})
		}
		must(t, s.Commit(&task.Checkpoint{History: []task.HistoryChunk{run}}, Position{Index: i}))
	}
	cp := &task.Checkpoint{Trims: []task.HistoryTrim{{Queue: 1, Before: tasks - 10}}}
	for commit := range uint64(3) {
		must(t, s.Commit(cp, Position{Index: 10 + commit}))
		cp = &task.Checkpoint{}
		v := viewTest(t, s)
		found, err := v.storedFrom(1, 0, 1<<30)
		must(t, err)
		if len(found) != 10 || found[0].sequence != tasks-10 {
			t.Errorf("commit %d: %d tasks are seen", commit, len(found))
		}
		left := 0
		must(t, v.each(bucketHistory, func(_, _ []byte) error { left++; return nil }, nothing))
		if want := max(10, tasks-int(commit+1)*trimBudget); left != want {
			t.Errorf("commit %d: %d chunks are left, want %d", commit, left, want)
		}
		v.Close()
		must(t, s.Close())
		s = openTest(t, dir)
	}
	must(t, checkIndex(s))
}
